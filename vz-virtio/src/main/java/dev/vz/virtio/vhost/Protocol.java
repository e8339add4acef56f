package dev.vz.virtio.vhost;

/** Numbers of the vhost-user protocol, by its document's names. Everything is in native byte order. */
final class Protocol {

    /** Bytes before each payload: request, flags, size. */
    static final int HEADER = 12;
    /** The longest payload of any message, and some more. */
    static final int MOST_PAYLOAD = 4096;
    /** Descriptors that come with one message at the most. */
    static final int MOST_DESCRIPTORS = 8;

    static final int FLAG_VERSION = 1;
    static final int FLAG_REPLY = 1 << 2;
    static final int FLAG_NEED_REPLY = 1 << 3;

    static final int GET_FEATURES = 1;
    static final int SET_FEATURES = 2;
    static final int SET_OWNER = 3;
    static final int RESET_OWNER = 4;
    static final int SET_MEM_TABLE = 5;
    static final int SET_VRING_NUM = 8;
    static final int SET_VRING_ADDR = 9;
    static final int SET_VRING_BASE = 10;
    static final int GET_VRING_BASE = 11;
    static final int SET_VRING_KICK = 12;
    static final int SET_VRING_CALL = 13;
    static final int SET_VRING_ERR = 14;
    static final int GET_PROTOCOL_FEATURES = 15;
    static final int SET_PROTOCOL_FEATURES = 16;
    static final int GET_QUEUE_NUM = 17;
    static final int SET_VRING_ENABLE = 18;
    static final int SET_BACKEND_REQ_FD = 21;
    static final int GET_CONFIG = 24;
    static final int SET_CONFIG = 25;
    static final int GET_INFLIGHT_FD = 31;
    static final int SET_INFLIGHT_FD = 32;
    static final int RESET_DEVICE = 34;
    static final int GET_MAX_MEM_SLOTS = 36;
    static final int ADD_MEM_REG = 37;
    static final int REM_MEM_REG = 38;
    static final int SET_STATUS = 39;
    static final int GET_STATUS = 40;

    /** To the front end, over its own channel. */
    static final int BACKEND_CONFIG_CHANGE_MSG = 2;

    /** Feature bit: protocol features are negotiated. */
    static final long PROTOCOL_FEATURES = 1L << 30;

    static final long PROTOCOL_MQ = 1;
    static final long PROTOCOL_REPLY_ACK = 1L << 3;
    static final long PROTOCOL_BACKEND_REQ = 1L << 5;
    static final long PROTOCOL_CONFIG = 1L << 9;
    static final long PROTOCOL_INFLIGHT_SHMFD = 1L << 12;
    static final long PROTOCOL_RESET_DEVICE = 1L << 13;
    static final long PROTOCOL_CONFIGURE_MEM_SLOTS = 1L << 15;
    static final long PROTOCOL_STATUS = 1L << 16;

    /** Bytes of configuration that one message carries at the most. */
    static final int MOST_CONFIG = 256;

    /** In SET_VRING_KICK, CALL and ERR: no descriptor comes along. */
    static final int NO_DESCRIPTOR = 1 << 8;

    private Protocol() {}

    /** The name of a request, for messages. */
    static String name(int request) {
        return switch (request) {
            case GET_FEATURES -> "GET_FEATURES";
            case SET_FEATURES -> "SET_FEATURES";
            case SET_OWNER -> "SET_OWNER";
            case RESET_OWNER -> "RESET_OWNER";
            case SET_MEM_TABLE -> "SET_MEM_TABLE";
            case SET_VRING_NUM -> "SET_VRING_NUM";
            case SET_VRING_ADDR -> "SET_VRING_ADDR";
            case SET_VRING_BASE -> "SET_VRING_BASE";
            case GET_VRING_BASE -> "GET_VRING_BASE";
            case SET_VRING_KICK -> "SET_VRING_KICK";
            case SET_VRING_CALL -> "SET_VRING_CALL";
            case SET_VRING_ERR -> "SET_VRING_ERR";
            case GET_PROTOCOL_FEATURES -> "GET_PROTOCOL_FEATURES";
            case SET_PROTOCOL_FEATURES -> "SET_PROTOCOL_FEATURES";
            case GET_QUEUE_NUM -> "GET_QUEUE_NUM";
            case SET_VRING_ENABLE -> "SET_VRING_ENABLE";
            case SET_BACKEND_REQ_FD -> "SET_BACKEND_REQ_FD";
            case GET_CONFIG -> "GET_CONFIG";
            case SET_CONFIG -> "SET_CONFIG";
            case GET_INFLIGHT_FD -> "GET_INFLIGHT_FD";
            case SET_INFLIGHT_FD -> "SET_INFLIGHT_FD";
            case RESET_DEVICE -> "RESET_DEVICE";
            case GET_MAX_MEM_SLOTS -> "GET_MAX_MEM_SLOTS";
            case ADD_MEM_REG -> "ADD_MEM_REG";
            case REM_MEM_REG -> "REM_MEM_REG";
            case SET_STATUS -> "SET_STATUS";
            case GET_STATUS -> "GET_STATUS";
            default -> "request " + request;
        };
    }
}
