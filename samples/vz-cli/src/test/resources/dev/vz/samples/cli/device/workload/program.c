/* A program for a compiler to translate, which then shows what came of it. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item { uint32_t key; double weight; char name[12]; };

static uint64_t seed = 42;
static uint32_t next(void) { seed = seed * 6364136223846793005u + 1442695040888963407u; return seed >> 33; }

static int by_key(const void *a, const void *b) {
    const struct item *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static double integrate(double (*f)(double), double from, double to, int steps) {
    double sum = 0, width = (to - from) / steps;
    for (int i = 0; i < steps; i++) sum += f(from + (i + 0.5) * width);
    return sum * width;
}

static double curve(double x) { return sqrt(x) * exp(-x / 3) + fabs(sin(x)); }

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t shared;

static void *count(void *times) {
    for (long i = 0; i < (long) times; i++) {
        pthread_mutex_lock(&lock);
        shared += i;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static jmp_buf place;
static void leap(int depth) { if (depth == 0) longjmp(place, 7); leap(depth - 1); }

int main(void) {
    enum { COUNT = 5000 };
    struct item *items = malloc(COUNT * sizeof *items);
    for (int i = 0; i < COUNT; i++) {
        items[i].key = next() % 100000;
        items[i].weight = next() / 977.0;
        snprintf(items[i].name, sizeof items[i].name, "n%u", items[i].key ^ i);
    }
    qsort(items, COUNT, sizeof *items, by_key);
    uint64_t mixed = 0;
    double weight = 0;
    for (int i = 1; i < COUNT; i++) {
        if (items[i - 1].key > items[i].key) return 1;
        mixed = mixed * 31 + items[i].key + strlen(items[i].name);
    }
    for (int i = 0; i < COUNT; i++) weight += items[i].weight * (items[i].key & 3);
    printf("sorted %016llx weight %a\n", (unsigned long long) mixed, weight);
    printf("integral %.15g %a\n", integrate(curve, 0, 9, 3000), integrate(log1p, 0, 2, 1000));
    __int128 wide = 1;
    for (int i = 1; i < 33; i++) wide = wide * i ^ wide >> 3;
    printf("wide %016llx%016llx\n", (unsigned long long) (wide >> 64), (unsigned long long) wide);
    float narrow[64], total = 0;
    for (int i = 0; i < 64; i++) narrow[i] = i * 0.1f;
    for (int i = 0; i < 64; i++) total += narrow[i] * narrow[63 - i];
    long double extended = 1;
    for (int i = 1; i < 40; i++) extended += 1 / (extended * i);
    printf("narrow %a extended %La %.21Lg\n", total, extended, sqrtl(extended));
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, count, (void *) 2000);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    int reached = setjmp(place);
    if (reached == 0) leap(20);
    printf("threads %llu leap %d\n", (unsigned long long) shared, reached);
    free(items);
    return 0;
}
