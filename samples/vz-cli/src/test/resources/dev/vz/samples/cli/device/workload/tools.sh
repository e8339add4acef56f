# Programs of a glibc userland whose output depends on nothing but what they compute. The folder it runs in is its own.
seq 1 20000 >numbers
for sum in md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum; do $sum numbers; done
factor 1234567890123456789 18446744073709551557 340282366920938463463374607431768211297
sort -R --random-source=numbers numbers >shuffled
sha256sum shuffled
sort -k1,1r shuffled | sha256sum
sort -n shuffled | cmp - numbers
gzip -9n <shuffled | sha256sum
gzip -c shuffled | gzip -d | cmp - shuffled
tar --sort=name --mtime=@0 --owner=0 --group=0 -cf - numbers shuffled | sha256sum
grep -cE '(7.*3|^1.*9$)' numbers
sed -n '/99$/{s/9/x/g;p}' numbers | sha256sum
numfmt --to=iec 1234567 987654321 | paste -sd ' '

python3 program.py

for sum in sha1 sha512-256 sha3-512 blake2s256 sm3 ripemd160; do
    openssl dgst -$sum numbers
done
for cipher in aes-128-cbc aes-256-ctr camellia-128-cbc chacha20 des-ede3-cbc; do
    openssl enc -$cipher -pbkdf2 -iter 100 -S 0123456789abcdef -k secret -in shuffled -out locked
    sha256sum locked
    openssl enc -d -$cipher -pbkdf2 -iter 100 -S 0123456789abcdef -k secret -in locked | cmp - shuffled
done
printf '\060\056\002\001\000\060\005\006\003\053\145\160\004\042\004\040vz signs with these 32 constants' >edwards
openssl pkeyutl -sign -rawin -inkey edwards -keyform DER -in numbers | sha256sum
openssl pkey -inform DER -in edwards -pubout
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out curve
openssl dgst -sha256 -sign curve -out signature numbers
openssl pkey -in curve -pubout -out public
openssl dgst -sha256 -verify public -signature signature numbers
openssl genrsa -out rsa 1024 2>&1
openssl pkeyutl -sign -rawin -digest sha256 -inkey rsa -in numbers -out signature
openssl pkeyutl -verify -rawin -digest sha256 -inkey rsa -in numbers -sigfile signature
openssl prime 18446744073709551557 18446744073709551559
openssl speed -seconds 1 -bytes 1024 -evp aes-128-cbc >speed 2>&1
grep -c '^AES-128-CBC' speed
