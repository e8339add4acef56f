import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The other contestant of decision 11: an NBD server on Vert.x that can do what fio asks for, and no more. It is given the
 * best that Vert.x offers: the native transport, all requests of one socket read carried out at once, one write for all
 * their replies. Arguments: the port, the raw file.
 */
final class VertxServer {

    private static final long NBDMAGIC = 0x4e42444d41474943L;
    private static final long IHAVEOPT = 0x49484156454f5054L;
    private static final long REPLY_MAGIC = 0x3e889045565a9L;
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int SIMPLE_REPLY_MAGIC = 0x67446698;

    public static void main(String[] arguments) throws Exception {
        FileChannel file = FileChannel.open(Path.of(arguments[1]), StandardOpenOption.READ, StandardOpenOption.WRITE);
        Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
        if (!vertx.isNativeTransportEnabled()) {
            throw new IllegalStateException("the native transport is missing", vertx.unavailableNativeTransportCause());
        }
        vertx.createNetServer(new NetServerOptions().setTcpNoDelay(true))
                .connectHandler(socket -> new Client(socket, file))
                .listen(Integer.parseInt(arguments[0]), "127.0.0.1").onFailure(failure -> {
                    failure.printStackTrace();
                    System.exit(1);
                });
    }

    private static final class Client {
        private final NetSocket socket;
        private final FileChannel file;
        private ByteBuffer input = ByteBuffer.allocate(64 << 10);
        private int state;
        private Buffer replies = Buffer.buffer();

        Client(NetSocket socket, FileChannel file) {
            this.socket = socket;
            this.file = file;
            socket.write(Buffer.buffer().appendLong(NBDMAGIC).appendLong(IHAVEOPT).appendShort((short) 3));
            socket.handler(this::received);
        }

        private void received(Buffer data) {
            byte[] bytes = data.getBytes();
            if (input.remaining() < bytes.length) {
                ByteBuffer larger = ByteBuffer.allocate(Math.max(2 * input.capacity(), input.position() + bytes.length));
                larger.put(input.flip());
                input = larger;
            }
            input.put(bytes).flip();
            try {
                boolean more = true;
                while (more) {
                    more = step();
                }
            } catch (IOException failure) {
                failure.printStackTrace();
                socket.close();
            }
            input.compact();
            if (replies.length() > 0) {
                socket.write(replies);
                replies = Buffer.buffer();
            }
        }

        /** Whether it did something. */
        private boolean step() throws IOException {
            switch (state) {
                case 0 -> {
                    if (input.remaining() < 4) {
                        return false;
                    }
                    input.getInt();
                    state = 1;
                    return true;
                }
                case 1 -> {
                    return option();
                }
                default -> {
                    return request();
                }
            }
        }

        private boolean option() throws IOException {
            if (input.remaining() < 16 || input.remaining() < 16 + input.getInt(input.position() + 12)) {
                return false;
            }
            input.getLong();
            int option = input.getInt();
            input.position(input.position() + 4 + input.getInt(input.position()));
            if (option == 6 || option == 7) { // INFO, GO
                replies.appendLong(REPLY_MAGIC).appendInt(option).appendInt(3).appendInt(12).appendShort((short) 0)
                        .appendLong(file.size()).appendShort((short) (1 | 4)); // flags; flush
                replies.appendLong(REPLY_MAGIC).appendInt(option).appendInt(1).appendInt(0);
                state = option == 7 ? 2 : 1;
            } else {
                replies.appendLong(REPLY_MAGIC).appendInt(option).appendInt(0x80000001).appendInt(0);
            }
            return true;
        }

        private boolean request() throws IOException {
            if (input.remaining() < 28) {
                return false;
            }
            int at = input.position();
            int type = input.getShort(at + 6);
            int length = input.getInt(at + 24);
            if (input.getInt(at) != REQUEST_MAGIC) {
                throw new IOException("not a request");
            }
            if (type == 1 && input.remaining() < 28 + length) {
                return false;
            }
            long cookie = input.getLong(at + 8);
            long offset = input.getLong(at + 16);
            input.position(at + 28);
            switch (type) {
                case 0 -> {
                    reply(cookie);
                    ByteBuffer data = ByteBuffer.allocate(length);
                    file.read(data, offset);
                    replies.appendBytes(data.array());
                }
                case 1 -> {
                    ByteBuffer data = input.slice(at + 28, length);
                    while (data.hasRemaining()) {
                        offset += file.write(data, offset);
                    }
                    input.position(at + 28 + length);
                    reply(cookie);
                }
                case 2 -> socket.close();
                default -> {
                    file.force(false);
                    reply(cookie);
                }
            }
            return true;
        }

        private void reply(long cookie) {
            replies.appendInt(SIMPLE_REPLY_MAGIC).appendInt(0).appendLong(cookie);
        }
    }
}
