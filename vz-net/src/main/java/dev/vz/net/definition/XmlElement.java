package dev.vz.net.definition;

import dev.vz.error.FormatException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** An element of which every child and attribute has to be asked for: what nobody asked for is an error. */
final class XmlElement {

    private final Element element;
    private final Set<String> asked = new HashSet<>();

    XmlElement(Element element) {
        this.element = element;
    }

    String name() {
        return element.getTagName();
    }

    /** The attribute, or {@code null}. */
    @Nullable
    String attribute(String name) {
        asked.add("@" + name);
        return element.hasAttribute(name) ? element.getAttribute(name) : null;
    }

    /** The attribute as {@code reader} reads it, or {@code null}. */
    <T> @Nullable T attribute(String name, Function<String, T> reader) {
        String text = attribute(name);
        return text == null ? null : read(name, text, reader);
    }

    /** The attribute, which must be there. */
    <T> T required(String name, Function<String, T> reader) {
        String text = attribute(name);
        if (text == null) {
            throw new FormatException("A network's XML: <" + name() + "> lacks the attribute " + name);
        }
        return read(name, text, reader);
    }

    private <T> T read(String name, String text, Function<String, T> reader) {
        try {
            return reader.apply(text);
        } catch (NumberFormatException wrong) {
            throw new FormatException("A network's XML: " + name + "=\"" + text + "\" of <" + name()
                    + "> is not a number", wrong);
        } catch (FormatException wrong) {
            throw new FormatException("A network's XML: " + name + "=\"" + text + "\" of <" + name() + ">: "
                    + wrong.getMessage(), wrong);
        }
    }

    int number(String name, int otherwise) {
        Integer value = attribute(name, Integer::valueOf);
        return value == null ? otherwise : value;
    }

    boolean flag(String name, boolean otherwise) {
        Boolean value = attribute(name, text -> switch (text) {
            case "yes", "on" -> true;
            case "no", "off" -> false;
            default -> throw new FormatException("it is yes or no");
        });
        return value == null ? otherwise : value;
    }

    List<XmlElement> children(String name) {
        asked.add(name);
        var found = new ArrayList<XmlElement>();
        for (Node node = element.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element child && child.getTagName().equals(name)) {
                found.add(new XmlElement(child));
            }
        }
        return found;
    }

    @Nullable
    XmlElement child(String name) {
        List<XmlElement> found = children(name);
        if (found.size() > 1) {
            throw new FormatException("A network's XML: <" + name() + "> has several <" + name + ">");
        }
        return found.isEmpty() ? null : found.getFirst();
    }

    /** The text of a child, or {@code null} if there is none. */
    @Nullable
    String childText(String name) {
        XmlElement found = child(name);
        return found == null ? null : found.text();
    }

    String text() {
        asked.add("#text");
        return element.getTextContent().strip();
    }

    /** Lets whatever is under this element be, known or not. */
    void pass(String child) {
        asked.add(child);
    }

    /** Complains about what nobody asked for. */
    void finish() {
        for (Node node = element.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element child && !asked.contains(child.getTagName())) {
                throw new FormatException("A network's XML: <" + child.getTagName() + "> in <" + name()
                        + "> is not something that Vz can do; remove it");
            }
        }
        for (int i = 0; i < element.getAttributes().getLength(); i++) {
            String name = element.getAttributes().item(i).getNodeName();
            if (!asked.contains("@" + name) && !name.startsWith("xmlns")) {
                throw new FormatException("A network's XML: the attribute " + name + " of <" + name()
                        + "> is not something that Vz can do; remove it");
            }
        }
    }
}
