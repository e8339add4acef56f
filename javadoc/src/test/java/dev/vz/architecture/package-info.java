/**
 * The architecture, as tests over the compiled modules and the source tree. Each rule of the house is one
 * {@link dev.vz.architecture.HouseRule} with a key; {@link dev.vz.architecture.HouseTest} holds the modules to all of
 * them. For every key there is a package {@code broken.KEY} whose classes break that rule, and
 * {@link dev.vz.architecture.RulesBiteTest} demands that the rule notices.
 */
@NullMarked
package dev.vz.architecture;

import org.jspecify.annotations.NullMarked;
