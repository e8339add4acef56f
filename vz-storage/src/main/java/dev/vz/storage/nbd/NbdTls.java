package dev.vz.storage.nbd;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Certificates for TLS 1.2 and 1.3. Thread-safe.
 *
 * <p>
 * {@link #serverFrom} and {@link #clientFrom} read a folder laid out as QEMU's, nbdkit's and libnbd's: {@code ca-cert.pem},
 * {@code server-cert.pem} with {@code server-key.pem}, {@code client-cert.pem} with {@code client-key.pem}.
 */
public final class NbdTls {

    private static final String[] VERSIONS = {"TLSv1.3", "TLSv1.2"};
    /** The object identifier of an RSA key, and the rest of what PKCS #8 puts before a PKCS #1 key. */
    private static final byte[] RSA_PREFIX = {0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, (byte) 0x86, 0x48,
        (byte) 0x86, (byte) 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

    private final SSLContext context;
    private final boolean verifyPeer;

    private NbdTls(SSLContext context, boolean verifyPeer) {
        this.context = context;
        this.verifyPeer = verifyPeer;
    }

    /**
     * A context made elsewhere.
     *
     * @param verifyPeer server: clients must have a certificate; client: the server's name must be its certificate's
     */
    public static NbdTls of(SSLContext context, boolean verifyPeer) {
        return new NbdTls(context, verifyPeer);
    }

    /**
     * A server's certificate from {@code folder}.
     *
     * @param verifyPeer whether clients must have a certificate that {@code ca-cert.pem} vouches for
     */
    public static NbdTls serverFrom(Path folder, boolean verifyPeer) {
        return new NbdTls(context(folder, "server", true), verifyPeer);
    }

    /** Whom a client trusts, {@code ca-cert.pem}, and its own certificate if there is one in {@code folder}. */
    public static NbdTls clientFrom(Path folder, boolean verifyPeer) {
        return new NbdTls(context(folder, "client", Files.exists(folder.resolve("client-cert.pem"))), verifyPeer);
    }

    private static SSLContext context(Path folder, String role, boolean identity) {
        try {
            KeyManagerFactory keys = null;
            if (identity) {
                KeyStore store = KeyStore.getInstance("PKCS12");
                store.load(null, null);
                store.setKeyEntry(role, privateKey(folder.resolve(role + "-key.pem")), new char[0],
                        certificates(folder.resolve(role + "-cert.pem")).toArray(Certificate[]::new));
                keys = KeyManagerFactory.getInstance("PKIX");
                keys.init(store, new char[0]);
            }
            TrustManager[] trusted = null;
            if (Files.exists(folder.resolve("ca-cert.pem"))) {
                KeyStore store = KeyStore.getInstance("PKCS12");
                store.load(null, null);
                for (Certificate certificate : certificates(folder.resolve("ca-cert.pem"))) {
                    store.setCertificateEntry("ca" + store.size(), certificate);
                }
                TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
                trust.init(store);
                trusted = trust.getTrustManagers();
                for (int i = 0; i < trusted.length; i++) {
                    if (trusted[i] instanceof X509ExtendedTrustManager listing) {
                        trusted[i] = new UnlistedTrust(listing);
                    }
                }
            }
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys == null ? null : keys.getKeyManagers(), trusted, null);
            return context;
        } catch (IOException failure) {
            throw new HostException("reading TLS certificates", folder.toString(), failure);
        } catch (GeneralSecurityException | IllegalArgumentException failure) {
            throw new ConfigurationException("The TLS certificates in " + folder + " cannot be used: "
                    + failure.getMessage() + "; they are PEM files, keys unencrypted", failure);
        }
    }

    private static List<Certificate> certificates(Path file) throws IOException, GeneralSecurityException {
        var factory = CertificateFactory.getInstance("X.509");
        var found = new ArrayList<Certificate>();
        for (byte[] der : blocks(file, "CERTIFICATE")) {
            found.add(factory.generateCertificate(new ByteArrayInputStream(der)));
        }
        if (found.isEmpty()) {
            throw new ConfigurationException("There is no certificate in " + file);
        }
        return found;
    }

    private static PrivateKey privateKey(Path file) throws IOException, GeneralSecurityException {
        List<byte[]> rsa = blocks(file, "RSA PRIVATE KEY");
        if (!rsa.isEmpty()) {
            return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(wrapRsa(rsa.getFirst())));
        }
        List<byte[]> keys = blocks(file, "PRIVATE KEY");
        if (keys.isEmpty()) {
            throw new ConfigurationException("There is no PKCS #8 or RSA key in " + file
                    + "; convert it with: openssl pkcs8 -topk8 -nocrypt");
        }
        GeneralSecurityException last = null;
        for (String algorithm : List.of("RSA", "EC", "RSASSA-PSS", "EdDSA")) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(keys.getFirst()));
            } catch (GeneralSecurityException another) {
                last = another;
            }
        }
        throw new ConfigurationException("The key in " + file + " is of no kind that is known here", last);
    }

    private static byte[] wrapRsa(byte[] key) {
        byte[] octets = tagged(0x04, key);
        return tagged(0x30,
                ByteBuffer.allocate(RSA_PREFIX.length + octets.length).put(RSA_PREFIX).put(octets).array());
    }

    /** DER: a tag, a length in its shortest long form, the content. */
    private static byte[] tagged(int tag, byte[] content) {
        return ByteBuffer.allocate(5 + content.length).put((byte) tag).put((byte) 0x83)
                .put((byte) (content.length >> 16)).putShort((short) content.length).put(content).array();
    }

    private static List<byte[]> blocks(Path file, String kind) throws IOException {
        String text = Files.readString(file, StandardCharsets.ISO_8859_1);
        String begin = "-----BEGIN " + kind + "-----";
        String end = "-----END " + kind + "-----";
        var found = new ArrayList<byte[]>();
        for (int at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at)) {
            int stop = text.indexOf(end, at);
            if (stop < 0) {
                throw new ConfigurationException("A " + kind + " in " + file + " has no end");
            }
            found.add(Base64.getMimeDecoder().decode(text.substring(at + begin.length(), stop)));
            at = stop;
        }
        return found;
    }

    SSLEngine serverEngine() {
        SSLEngine engine = context.createSSLEngine();
        engine.setUseClientMode(false);
        engine.setEnabledProtocols(VERSIONS);
        engine.setNeedClientAuth(verifyPeer);
        return engine;
    }

    SSLEngine clientEngine(@Nullable String host) {
        SSLEngine engine = host == null ? context.createSSLEngine() : context.createSSLEngine(host, Nbd.DEFAULT_PORT);
        engine.setUseClientMode(true);
        engine.setEnabledProtocols(VERSIONS);
        if (verifyPeer && host != null) {
            SSLParameters parameters = engine.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            engine.setSSLParameters(parameters);
        }
        return engine;
    }
}
