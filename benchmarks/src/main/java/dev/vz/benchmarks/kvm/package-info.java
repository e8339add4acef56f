/**
 * What KVM costs from Java: leaving the guest and coming back, interrupts and doorbells, kicks.
 *
 * <p>
 * {@link dev.vz.benchmarks.kvm.KvmAgainstC} times each against a C program that does the same and prints the ratio; it
 * needs {@code /dev/kvm} and gcc:
 *
 * <pre>
 * mvn -pl benchmarks -am package -DskipTests
 * java --enable-native-access=ALL-UNNAMED -cp benchmarks/target/benchmarks.jar dev.vz.benchmarks.kvm.KvmAgainstC
 * </pre>
 *
 * That an exit allocates nothing is a test, on the same code.
 */
@NullMarked
package dev.vz.benchmarks.kvm;

import org.jspecify.annotations.NullMarked;
