package dev.vz.architecture;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * One rule of the house.
 *
 * @param key  a noun that names it, and the package of the classes that break it
 * @param says the rule as a sentence
 * @param rule the check
 */
record HouseRule(String key, String says, ArchRule rule) {

    /** All rules, for modules whose packages lie under {@code root}. */
    static List<HouseRule> all(String root) {
        House house = new House(root);
        return Stream.of(LayerRules.of(house), LifetimeRules.of(house), WordRules.of(house), ConductRules.of(house))
                .flatMap(List::stream)
                .toList();
    }

    /**
     * A rule by which no class that {@code concerned} chooses may give rise to a complaint.
     *
     * @param complaints what is wrong with a class, one line each
     */
    static HouseRule forbidding(String key, String says, Predicate<JavaClass> concerned,
            Function<JavaClass, Stream<String>> complaints) {
        var condition = new ArchCondition<JavaClass>("obey: " + says) {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                if (concerned.test(type)) {
                    complaints.apply(type).forEach(line -> events.add(SimpleConditionEvent.violated(type, line)));
                }
            }
        };
        return new HouseRule(key, says, ArchRuleDefinition.classes().should(condition).as(says));
    }

    @Override
    public String toString() {
        return key + ": " + says;
    }
}
