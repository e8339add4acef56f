package dev.vz.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** A rule that nothing can break is no rule: each has classes named {@code Bad…} that break it, and finds just those. */
class RulesBiteTest {

    private static final String BROKEN = "dev.vz.architecture.broken.";

    private static final Pattern BAD = Pattern.compile("(.*[.$]Bad\\w+).*");

    @TestFactory
    Stream<DynamicTest> theRuleFindsWhoBreaksItAndNobodyElse() {
        return HouseRule.all("dev.vz").stream()
                .map(HouseRule::key)
                .map(key -> DynamicTest.dynamicTest(key, () -> assertThat(offenders(key))
                        .isNotEmpty()
                        .isEqualTo(expected(key))));
    }

    private static JavaClasses fixtures(String key) {
        return new ClassFileImporter().importPackages(BROKEN + key);
    }

    private static Set<String> expected(String key) {
        return fixtures(key).stream()
                .map(type -> BAD.matcher(type.getName()))
                .filter(Matcher::matches)
                .map(bad -> bad.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> offenders(String key) {
        HouseRule rule = HouseRule.all(BROKEN + key).stream().filter(each -> each.key().equals(key)).findFirst()
                .orElseThrow();
        var found = new TreeSet<String>();
        rule.rule().evaluate(fixtures(key)).handleViolations((Collection<JavaClass> types, String message) -> {
            for (JavaClass type : types) {
                Matcher bad = BAD.matcher(type.getName());
                found.add(bad.matches() ? bad.group(1) : type.getName());
            }
        });
        return found;
    }
}
