package dev.vz.samples.cli.io;

import java.util.List;
import java.util.Optional;

/** The commands, by name. */
final class CommandTable {

    /** Any number of arguments. */
    static final int ANY = -1;

    /** What a command does; {@code false} if it failed, which it has said by then. */
    @FunctionalInterface
    interface Action {
        boolean run(Session session, List<String> arguments);
    }

    /**
     * A command.
     *
     * @param name    its name
     * @param other   a shorter one, or the empty string
     * @param min     the least number of arguments
     * @param max     the greatest, or {@link #ANY}
     * @param noFile  whether it works without an open image
     * @param writes  whether it changes the image
     * @param usage   its arguments
     * @param summary what it does
     */
    record Entry(String name, String other, int min, int max, boolean noFile, boolean writes, String usage,
            String summary, Action action) {}

    static final List<Entry> ALL = List.of(
            new Entry("aio_flush", "", 0, 0, false, false, "", "completes all outstanding aio requests",
                    (session, arguments) -> true),
            new Entry("aio_read", "", 2, ANY, false, false, "[-Cqv] [-P pattern] off len [len..]",
                    "asynchronously reads a number of bytes", VectorCommands::aioRead),
            new Entry("aio_write", "", 2, ANY, false, true, "[-Cfiquz] [-P pattern] off len [len..]",
                    "asynchronously writes a number of bytes", VectorCommands::aioWrite),
            new Entry("alloc", "a", 1, 2, false, false, "offset [count]", "checks if offset is allocated in the file",
                    ImageCommands::alloc),
            new Entry("close", "c", 0, 0, false, false, "", "close the current open file", ImageCommands::close),
            new Entry("discard", "d", 2, ANY, false, true, "[-Cq] off len",
                    "discards a number of bytes at a specified offset", WriteCommands::discard),
            new Entry("flush", "f", 0, 0, false, false, "", "flush all in-core file state to disk",
                    ImageCommands::flush),
            new Entry("help", "?", 0, 1, true, false, "[command]", "help for one or all commands",
                    ImageCommands::help),
            new Entry("info", "i", 0, 0, false, false, "", "prints information about the current file",
                    ImageCommands::info),
            new Entry("length", "l", 0, 0, false, false, "", "gets the length of the current file",
                    ImageCommands::length),
            new Entry("map", "", 0, 1, false, false, "", "prints the allocated areas of a file", ImageCommands::map),
            new Entry("open", "o", 1, ANY, true, false, "[-rsCnkU] [-t cache] [-d discard] [-o options] [path]",
                    "open the file specified by path", OpenCommands::open),
            new Entry("quit", "q", 0, 0, true, false, "", "exit the program", (session, arguments) -> {
                session.quit();
                return true;
            }), new Entry("read", "r", 2, ANY, false, false, "[-abCqv] [-P pattern [-s off] [-l len]] off len",
                    "reads a number of bytes at a specified offset", ReadCommands::read),
            new Entry("readv", "rv", 2, ANY, false, false, "[-Cqv] [-P pattern] off len [len..]",
                    "reads a number of bytes at a specified offset", VectorCommands::readv),
            new Entry("reopen", "", 0, ANY, false, false, "[(-r|-w)] [-c cache] [-o options]",
                    "reopens an image with new options", OpenCommands::reopen),
            new Entry("sigraise", "", 1, 1, true, false, "signal", "raises a signal", ImageCommands::sigraise),
            new Entry("sleep", "", 1, 1, true, false, "ms", "waits for the given value in milliseconds",
                    ImageCommands::sleep),
            new Entry("truncate", "t", 1, 3, false, true, "[-m prealloc_mode] off",
                    "truncates the current file at the given offset", ImageCommands::truncate),
            new Entry("write", "w", 2, ANY, false, true, "[-bcCfnquz] [-P pattern | -s source_file] off len",
                    "writes a number of bytes at a specified offset", WriteCommands::write),
            new Entry("writev", "wv", 2, ANY, false, true, "[-Cfq] [-P pattern] off len [len..]",
                    "writes a number of bytes at a specified offset", VectorCommands::writev));

    private CommandTable() {}

    static Optional<Entry> find(String name) {
        return ALL.stream().filter(each -> each.name().equals(name) || !each.other().isEmpty() && each.other().equals(
                name)).findFirst();
    }

    /** Runs one line; {@code false} if it failed. */
    static boolean run(Session session, String line) {
        List<String> words = java.util.Arrays.stream(line.split(" ")).filter(word -> !word.isEmpty()).toList();
        if (words.isEmpty()) {
            return true;
        }
        Entry entry = find(words.getFirst()).orElse(null);
        if (entry == null) {
            session.out.flush();
            session.err.println("command \"" + words.getFirst() + "\" not found");
            return false;
        }
        if (!entry.noFile() && !session.isOpen()) {
            session.out.flush();
            session.err.println("no file open, try 'help open'");
            return false;
        }
        int count = words.size() - 1;
        if (count < entry.min() || entry.max() != ANY && count > entry.max()) {
            session.out.flush();
            session.err.println("bad argument count " + count + " to " + words.getFirst() + ", expected " + expected(
                    entry) + " arguments");
            return false;
        }
        if (entry.writes() && session.image().info().readOnly()) {
            session.complain("Block node is read-only");
            return false;
        }
        return entry.action().run(session, words.subList(1, words.size()));
    }

    private static String expected(Entry entry) {
        if (entry.max() == ANY) {
            return "at least " + entry.min();
        }
        return entry.min() == entry.max() ? "" + entry.min() : "between " + entry.min() + " and " + entry.max();
    }

    /** Says how {@code name} is used, as after wrong options. */
    static boolean usage(Session session, String name) {
        find(name).ifPresent(entry -> session.say(entry.name() + " " + entry.usage() + " -- " + entry.summary()));
        return false;
    }
}
