package dev.vz.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Nanoseconds of several contestants doing the same operations in turns; the first is the one the ratios are against. */
public final class Comparison {

    private final List<String> contestants;
    private final Map<String, List<List<Double>>> times = new LinkedHashMap<>();

    /** Of these, by the names that the table's columns get. */
    public Comparison(String... contestants) {
        this.contestants = List.of(contestants);
    }

    /** One more turn's figure. */
    public void add(String contestant, String operation, double nanos) {
        var columns = times.computeIfAbsent(operation, name -> {
            var lists = new ArrayList<List<Double>>();
            contestants.forEach(each -> lists.add(new ArrayList<>()));
            return lists;
        });
        columns.get(contestants.indexOf(contestant)).add(nanos);
    }

    /** Every line "OPERATION NANOSECONDS" of a program's output. */
    public void addLines(String contestant, String output) {
        for (String line : output.lines().toList()) {
            String[] columns = line.split(" ");
            add(contestant, columns[0], Double.parseDouble(columns[1]));
        }
    }

    /** Medians of all turns, and for each contestant the ratio of its median to the first one's. */
    public void print(int turns) {
        var text = new StringBuilder("medians of %d turns, ns per operation, and ratios to the first column%n%-24s"
                .formatted(turns, "operation"));
        for (String contestant : contestants) {
            text.append(" %14s".formatted(contestant));
        }
        times.forEach((operation, columns) -> {
            text.append("%n%-24s".formatted(operation));
            double first = median(columns.getFirst());
            text.append(" %14.1f".formatted(first));
            for (List<Double> column : columns.subList(1, columns.size())) {
                double here = median(column);
                text.append(column.isEmpty() ? " ".repeat(15) : " %7.1f %6.3f".formatted(here, here / first));
            }
        });
        System.out.println(text);
    }

    private static double median(List<Double> values) {
        var sorted = values.stream().sorted().toList();
        return sorted.isEmpty() ? Double.NaN : sorted.get(sorted.size() / 2);
    }
}
