package lambdad;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Numbers of every kind out of JSON's numbers and texts. What is cut off by a narrower type is an error, a fraction is not. */
final class Numbers {
  private Numbers() {}

  /** Null for empty text that is no primitive, and for types that are none of ours. */
  static Object read(Object json, Class<?> type) {
    if (json instanceof Boolean) throw FromJson.mismatch(type, "Boolean", (Boolean) json ? "VALUE_TRUE" : "VALUE_FALSE");
    if (type == Number.class) return json instanceof BigDecimal ? ((Number) json).doubleValue() : exact(json, type);
    if (type == int.class || type == Integer.class) {
      if (json instanceof Integer) return json;
      BigInteger value = whole(json, type, 31);
      return value == null ? null : (Object) value.intValue();
    }
    if (type == long.class || type == Long.class) {
      if (json instanceof Integer || json instanceof Long) return ((Number) json).longValue();
      BigInteger value = whole(json, type, 63);
      return value == null ? null : (Object) value.longValue();
    }
    if (type == double.class || type == Double.class) {
      Double none = notFinite(json);
      if (none != null) return none;
      BigDecimal value = exact(json, type);
      return value == null ? null : (Object) value.doubleValue();
    }
    return readRare(json, type);
  }

  private static Object readRare(Object json, Class<?> type) {
    if (type == BigDecimal.class) return exact(json, type);
    if (type == BigInteger.class) return whole(json, type, Integer.MAX_VALUE);
    if (type == float.class || type == Float.class) {
      Double none = notFinite(json);
      if (none != null) return none.floatValue();
      BigDecimal value = exact(json, type);
      return value == null ? null : (Object) value.floatValue();
    }
    boolean isShort = type == short.class || type == Short.class;
    boolean isByte = type == byte.class || type == Byte.class;
    if (!isShort && !isByte && type != AtomicInteger.class && type != AtomicLong.class) return null;
    BigInteger value = whole(json, type, isShort ? 15 : isByte ? 8 : type == AtomicInteger.class ? 31 : 63);
    if (value == null) return null;
    if (isShort) return value.shortValue();
    if (isByte) return value.byteValue();
    return type == AtomicInteger.class ? new AtomicInteger(value.intValue()) : new AtomicLong(value.longValue());
  }

  private static BigInteger whole(Object json, Class<?> type, int bits) {
    BigDecimal value = exact(json, type);
    if (value == null) return null;
    if (json instanceof String && value.scale() != 0) throw notValid(json, type); // text has to be a whole number
    // A number like 1e999999999 would be written out.
    if (value.precision() - value.scale() > 1000) throw outOfRange(json, type);
    BigInteger whole = value.toBigInteger();
    if (whole.bitLength() > bits) throw outOfRange(json, type);
    return whole;
  }

  private static BigDecimal exact(Object json, Class<?> type) {
    if (json instanceof BigDecimal) return (BigDecimal) json;
    String text = String.valueOf(json).trim();
    if (text.isEmpty() || text.equals("null")) return type.isPrimitive() ? BigDecimal.ZERO : null;
    try {
      return new BigDecimal(text);
    } catch (NumberFormatException cause) {
      throw notValid(text, type);
    }
  }

  /** Which JSON has no numbers for. */
  private static Double notFinite(Object json) {
    if ("NaN".equals(json)) return Double.NaN;
    if ("Infinity".equals(json) || "INF".equals(json)) return Double.POSITIVE_INFINITY;
    return "-Infinity".equals(json) || "-INF".equals(json) ? Double.NEGATIVE_INFINITY : null;
  }

  private static JsonException notValid(Object text, Class<?> type) {
    return new JsonException(
        "Cannot deserialize value of type `" + type.getName() + "` from String \"" + text + "\": not a valid `"
            + type.getName() + "` value");
  }

  private static JsonException outOfRange(Object json, Class<?> type) {
    return new JsonException("Numeric value (" + json + ") out of range of `" + type.getName() + "`");
  }
}
