/* Kernels that a guest computes, each many times: one line on port 0xE9 before and after each round. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

static void put(char c) { __asm__ volatile("outb %0, %1" : : "a"(c), "Nd"((unsigned short) 0xE9)); }
static void text(const char *s) { while (*s) put(*s++); }
static void hex(u64 v) { for (int i = 60; i >= 0; i -= 4) put("0123456789abcdef"[v >> i & 15]); }

void *memset(void *p, int c, u64 n) { u8 *d = p; while (n--) *d++ = c; return p; }
void *memcpy(void *p, const void *q, u64 n) { __asm__ volatile("rep movsb" : "+D"(p), "+S"(q), "+c"(n) : : "memory"); return p; }

static u64 seed;
static u64 rnd(void) { seed = seed * 6364136223846793005ul + 1442695040888963407ul; return seed >> 33; }

#define WORDS (1 << 20)
static u32 words[WORDS];
static u32 others[WORDS];
static double a[96][96], b[96][96], c[96][96];

static u64 integer(void) {
    u64 steps = 0;
    for (u32 i = 1; i < 90000; i++) for (u64 n = i; n != 1; steps++) n = n & 1 ? 3 * n + 1 : n >> 1;
    return steps;
}

static u32 rotate(u32 x, int n) { return x >> n | x << (32 - n); }
static u32 k[64];
static void sha_block(u32 *h, const u8 *p) {
    u32 w[64], s[8];
    for (int i = 0; i < 16; i++) w[i] = (u32) p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        u32 x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
    }
    for (int i = 0; i < 8; i++) s[i] = h[i];
    for (int i = 0; i < 64; i++) {
        u32 t = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
        u32 m = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        s[7] = s[6]; s[6] = s[5]; s[5] = s[4]; s[4] = s[3] + t; s[3] = s[2]; s[2] = s[1]; s[1] = s[0]; s[0] = t + m;
    }
    for (int i = 0; i < 8; i++) h[i] += s[i];
}
static u64 hashing(void) {
    u32 h[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (int i = 0; i < 64; i++) k[i] = 0x9E3779B9u * (i + 1);
    for (int i = 0; i < 9000; i++) sha_block(h, (const u8 *) words + (i & 1023) * 64);
    return (u64) h[0] << 32 | h[7];
}

static u64 checksum(void) {
    static u32 table[256];
    for (u32 i = 0; i < 256; i++) { u32 v = i; for (int j = 0; j < 8; j++) v = v >> 1 ^ (v & 1 ? 0xEDB88320u : 0); table[i] = v; }
    u32 crc = ~0u;
    const u8 *p = (const u8 *) words;
    for (u64 i = 0; i < 4 * WORDS; i++) crc = crc >> 8 ^ table[(crc ^ p[i]) & 255];
    return crc;
}

static u64 sieve(void) {
    u8 *p = (u8 *) others;
    u64 n = 4 * WORDS - 1, count = 0;
    memset(p, 1, n);
    for (u64 i = 2; i * i < n; i++) if (p[i]) for (u64 j = i * i; j < n; j += i) p[j] = 0;
    for (u64 i = 2; i < n; i++) count += p[i];
    return count;
}

static void quick(u32 *v, long low, long high) {
    while (low < high) {
        u32 pivot = v[(low + high) / 2];
        long i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (v[j] > pivot) j--;
            if (i <= j) { u32 t = v[i]; v[i++] = v[j]; v[j--] = t; }
        }
        if (j - low < high - i) { quick(v, low, j); low = i; } else { quick(v, i, high); high = j; }
    }
}
static u64 sorting(void) {
    seed = 1;
    for (int i = 0; i < 250000; i++) others[i] = rnd();
    quick(others, 0, 249999);
    return (u64) others[0] << 32 | others[125000];
}

static u64 chase(void) {
    u32 n = 1 << 18, at = 0;
    for (u32 i = 0; i < n; i++) others[i] = i;
    seed = 7;
    for (u32 i = n - 1; i > 0; i--) { u32 j = rnd() % i, t = others[i]; others[i] = others[j]; others[j] = t; }
    for (int i = 0; i < 4000000; i++) at = others[at];
    return at;
}

static u64 matrix(void) {
    for (int i = 0; i < 96; i++) for (int j = 0; j < 96; j++) { a[i][j] = i * 0.5 + j; b[i][j] = i - j * 0.25; c[i][j] = 0; }
    for (int r = 0; r < 6; r++)
        for (int i = 0; i < 96; i++) for (int l = 0; l < 96; l++) { double x = a[i][l]; for (int j = 0; j < 96; j++) c[i][j] += x * b[l][j]; }
    u64 sum = 0;
    for (int i = 0; i < 96; i++) sum += (u64) (long) c[i][i];
    return sum;
}

static u64 bodies(void) {
    double x[5], y[5], vx[5], vy[5], m[5];
    for (int i = 0; i < 5; i++) { x[i] = i * 1.5; y[i] = 5 - i * i * 0.3; vx[i] = 0.01 * i; vy[i] = 0.02; m[i] = 1 + 0.1 * i; }
    for (int step = 0; step < 60000; step++) {
        for (int i = 0; i < 5; i++) for (int j = i + 1; j < 5; j++) {
            double dx = x[i] - x[j], dy = y[i] - y[j], d2 = dx * dx + dy * dy + 0.01, d;
            __asm__("sqrtsd %1, %0" : "=x"(d) : "x"(d2));
            double f = 0.001 / (d2 * d);
            vx[i] -= dx * m[j] * f; vy[i] -= dy * m[j] * f; vx[j] += dx * m[i] * f; vy[j] += dy * m[i] * f;
        }
        for (int i = 0; i < 5; i++) { x[i] += 0.001 * vx[i]; y[i] += 0.001 * vy[i]; }
    }
    return (u64) (long) (x[0] * 1e9);
}

static u64 strings(void) {
    u8 *p = (u8 *) others;
    seed = 3;
    for (int i = 0; i < 200000; i++) p[i] = 'a' + rnd() % 4;
    p[200000] = 0;
    u64 found = 0;
    const char *needle = "abcadbb";
    for (int r = 0; r < 12; r++)
        for (u8 *s = p + r; *s; s++) { int i = 0; while (needle[i] && s[i] == (u8) needle[i]) i++; found += !needle[i]; }
    return found;
}

static u64 bignum(void) {
    u64 x[32], y[32], z[64];
    for (int i = 0; i < 32; i++) { x[i] = 0x123456789ABCDEFul * (i + 3); y[i] = 0xFEDCBA987654321ul * (2 * i + 1); }
    for (int r = 0; r < 7000; r++) {
        for (int i = 0; i < 64; i++) z[i] = 0;
        for (int i = 0; i < 32; i++) {
            u64 carry = 0;
            for (int j = 0; j < 32; j++) {
                unsigned __int128 t = (unsigned __int128) x[i] * y[j] + z[i + j] + carry;
                z[i + j] = (u64) t; carry = t >> 64;
            }
            z[i + 32] = carry;
        }
        x[r & 31] ^= z[40];
    }
    return z[63] ^ z[5];
}

static u64 interpret(void) {
    static u8 program[] = {0, 1, 2, 3, 4, 1, 5, 2, 6, 3, 7, 0, 4, 8};
    u64 acc = 1, x = 2, y = 3, n = 0;
    u32 pc = 0;
    while (n < 3500000) {
        switch (program[pc++]) {
            case 0: acc += x; break;
            case 1: x ^= acc << 1; break;
            case 2: y += n; break;
            case 3: acc -= y >> 3; break;
            case 4: if (acc & 1) pc++; break;
            case 5: x = x >> 1 | y << 63; break;
            case 6: y *= 5; break;
            case 7: acc ^= x * 3; break;
            default: pc = 0;
        }
        n++;
    }
    return acc ^ x ^ y;
}

static u64 copying(void) {
    u64 sum = 0;
    for (int r = 0; r < 60; r++) {
        u64 n = WORDS / 4;
        for (u64 i = 0; i < n; i++) ((volatile u64 *) others)[i] = ((u64 *) words)[i] + r;
        memcpy(words + 2 * n, others, n * 4);
        sum += others[r] + words[2 * n + r];
    }
    return sum;
}

static u64 fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static u64 __attribute__((noipa)) calls(void) { return fib(30); }

static u64 table(void) {
    seed = 9;
    for (int i = 0; i < WORDS; i++) others[i] = 0;
    u64 hits = 0;
    for (int i = 0; i < 400000; i++) {
        u32 key = (u32) rnd() % 300000 + 1, at = key * 2654435761u >> 13 & (1 << 19) - 1;
        while (others[at] && others[at] != key) at = at + 1 & (1 << 19) - 1;
        hits += others[at] == key;
        others[at] = key;
    }
    return hits;
}

u64 syscalls(void), faults(void), switches(void); /* in system.c */

/* TCG takes so long for one of them that it makes an eighth of the rounds. */
static const struct { const char *name; u64 (*run)(void); int divisor; } kernels[] = {
    {"integer", integer, 1}, {"hashing", hashing, 1}, {"checksum", checksum, 1}, {"sieve", sieve, 1}, {"sorting", sorting, 1},
    {"chase", chase, 1}, {"matrix", matrix, 1}, {"bodies", bodies, 1}, {"strings", strings, 1}, {"bignum", bignum, 1},
    {"interpret", interpret, 1}, {"copying", copying, 8}, {"calls", calls, 1}, {"table", table, 1},
    {"syscalls", syscalls, 1}, {"faults", faults, 1}, {"switches", switches, 1},
};

static int same(const char *p, const char *q) {
    while (*p && *p == *q) p++, q++;
    return *p == *q;
}

void main(void) {
    for (u64 i = 0; i < sizeof kernels / sizeof *kernels; i++) {
#ifdef ONLY
        if (!same(kernels[i].name, ONLY)) continue;
#endif
        for (int i2 = 0; i2 < WORDS; i2++) words[i2] = i2 * 2654435761u;
        int rounds = ROUNDS < 2 * kernels[i].divisor ? ROUNDS < 2 ? ROUNDS : 2 : ROUNDS / kernels[i].divisor;
        for (int round = 0; round < rounds; round++) {
            text("begin "); text(kernels[i].name); put('\n');
            u64 result = kernels[i].run();
            text("end "); text(kernels[i].name); put(' '); hex(result); put('\n');
        }
    }
}
