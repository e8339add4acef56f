# A compiler at work: what it makes, and what that computes. The folder it runs in is its own.
gcc --version
for level in 0 2 s; do
    gcc -O$level -S -o program.s program.c
    sha256sum program.s
    as -o program.o program.s
    sha256sum program.o
    gcc -o program program.o -lm -pthread
    sha256sum program
    ./program
done
gcc -O2 -mfpmath=387 -o program program.c -lm -pthread
./program
objdump -d program | sha256sum
readelf -a program | sha256sum
