/**
 * The firmware tables that tell a guest what hardware there is. {@link dev.vz.machine.acpi.Aml} writes ACPI Machine
 * Language, {@link dev.vz.machine.acpi.AcpiTables} the static tables around it, and both only build bytes: what is true of
 * a machine is decided by its board. Numbers in comments are sections of the ACPI specification, version 6.5.
 */
@NullMarked
package dev.vz.machine.acpi;

import org.jspecify.annotations.NullMarked;
