package dev.vz.net.definition;

import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.xml.sax.ErrorHandler;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;

/**
 * Reads and writes libvirt's network XML. A file is bounded in size and may not refer to others. Any thread may call.
 */
public final class NetworkXml {

    /** The longest text that is read, in characters. */
    public static final int LONGEST = 1 << 20;

    private NetworkXml() {}

    /**
     * Reads a definition.
     *
     * @throws FormatException if it is no network XML, or says what a {@link NetworkDefinition} cannot hold
     */
    public static NetworkDefinition read(String xml) {
        if (xml.length() > LONGEST) {
            throw new FormatException("A network's XML has at most " + LONGEST + " characters, not " + xml.length());
        }
        return new NetworkXmlReader(parse(xml)).network();
    }

    /** Reads a definition from a file. */
    public static NetworkDefinition read(Path file) {
        try {
            if (Files.size(file) > LONGEST) {
                throw new FormatException("A network's XML has at most " + LONGEST + " bytes, but " + file + " has "
                        + Files.size(file));
            }
            return read(Files.readString(file, StandardCharsets.UTF_8));
        } catch (IOException failure) {
            throw new HostException("reading a network's XML", file.toString(), failure);
        }
    }

    /** Writes a definition as libvirt does. */
    public static String write(NetworkDefinition network) {
        return new NetworkXmlWriter().network(network);
    }

    private static Element parse(String xml) {
        try {
            var factory = DocumentBuilderFactory.newDefaultInstance();
            factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
            // No document type, and with it no entities: nothing outside the text is read, and nothing multiplies.
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            factory.setXIncludeAware(false);
            factory.setExpandEntityReferences(false);
            var builder = factory.newDocumentBuilder();
            builder.setErrorHandler(new Strict());
            return builder.parse(new InputSource(new StringReader(xml))).getDocumentElement();
        } catch (SAXException | IOException wrong) {
            throw new FormatException("A network's XML cannot be read: " + wrong.getMessage(), wrong);
        } catch (ParserConfigurationException missing) {
            throw new IllegalStateException("The JDK's own XML parser lacks a feature that it documents", missing);
        }
    }

    /** The default one prints to standard error. */
    private static final class Strict implements ErrorHandler {
        @Override
        public void warning(SAXParseException problem) throws SAXException {
            throw problem;
        }

        @Override
        public void error(SAXParseException problem) throws SAXException {
            throw problem;
        }

        @Override
        public void fatalError(SAXParseException problem) throws SAXException {
            throw problem;
        }
    }
}
