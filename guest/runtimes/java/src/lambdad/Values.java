package lambdad;

import java.lang.reflect.Type;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Calendar;
import java.util.Date;
import java.util.GregorianCalendar;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TimeZone;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/**
 * What Java's library has beside numbers, texts and collections: containers of one value, dates, and classes whose objects
 * are their text. Reached only by functions that use them, so that others do not load their classes.
 */
final class Values {
  private Values() {}

  static Object contained(Object json, Type type, Class<?> raw) {
    if (raw == Optional.class) return Optional.ofNullable(valueOf(json, Types.argumentOf(type, raw, 0)));
    if (raw == AtomicReference.class) return new AtomicReference<>(valueOf(json, Types.argumentOf(type, raw, 0)));
    if (raw == AtomicBoolean.class) return json == null ? null : new AtomicBoolean((Boolean) FromJson.bind(json, boolean.class));
    if (raw == OptionalInt.class) {
      Integer value = (Integer) FromJson.bind(json, Integer.class);
      return value == null ? OptionalInt.empty() : OptionalInt.of(value);
    }
    if (raw == OptionalLong.class) {
      Long value = (Long) FromJson.bind(json, Long.class);
      return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }
    Double value = (Double) FromJson.bind(json, Double.class);
    return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
  }

  private static Object valueOf(Object json, Type type) {
    return json == null ? null : FromJson.bind(json, type);
  }

  /** What a container has in it, as it is to be written; the text of everything else: UUID, URI, a character set, … */
  static Object content(Object value) {
    if (value instanceof AtomicReference) return ((AtomicReference<?>) value).get();
    if (value instanceof OptionalInt) return ((OptionalInt) value).isPresent() ? ((OptionalInt) value).getAsInt() : null;
    if (value instanceof OptionalLong) return ((OptionalLong) value).isPresent() ? ((OptionalLong) value).getAsLong() : null;
    if (value instanceof OptionalDouble) {
      return ((OptionalDouble) value).isPresent() ? ((OptionalDouble) value).getAsDouble() : null;
    }
    if (value instanceof TimeZone) return ((TimeZone) value).getID();
    return value instanceof Path ? ((Path) value).toUri().toString() : value.toString();
  }

  /** A date of milliseconds, also as text, or of what Jackson's StdDateFormat reads: ISO 8601 in its variants, RFC 1123. */
  static Object date(Object json, Class<?> raw) {
    long millis = json instanceof Number ? ((Number) json).longValue() : millisOf(String.valueOf(json).trim(), raw);
    if (raw == Date.class) return new Date(millis);
    if (Calendar.class.isAssignableFrom(raw)) {
      Calendar calendar = new GregorianCalendar(TimeZone.getTimeZone("UTC"));
      calendar.setTimeInMillis(millis);
      return calendar;
    }
    try {
      return raw.getConstructor(long.class).newInstance(millis); // java.sql's
    } catch (ReflectiveOperationException other) {
      throw FromJson.mismatch(raw, "String", "VALUE_STRING");
    }
  }

  private static long millisOf(String text, Class<?> raw) {
    try {
      if (isWhole(text)) return Long.parseLong(text);
      return moment(text).toEpochMilli();
    } catch (RuntimeException cause) {
      throw new JsonException(
          "Cannot deserialize value of type `" + raw.getName() + "` from String \"" + text
              + "\": not a valid representation (error: Failed to parse Date value '" + text + "': " + cause.getMessage() + ")",
          cause);
    }
  }

  private static Instant moment(String text) {
    if (!Character.isDigit(text.charAt(0))) return ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
    if (text.length() == 10) return LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant();
    if (hasOffset(text)) return OffsetDateTime.parse(withColon(text)).toInstant();
    return LocalDateTime.parse(text).toInstant(ZoneOffset.UTC);
  }

  private static boolean hasOffset(String text) {
    return text.endsWith("Z") || text.lastIndexOf('+') > 10 || text.lastIndexOf('-') > 10;
  }

  /** "+0000" and "+00" as "+00:00", which Java wants. */
  static String withColon(String text) {
    int sign = Math.max(text.lastIndexOf('+'), text.lastIndexOf('-'));
    int digits = text.length() - sign - 1;
    if (sign <= 10 || !isWhole(text.substring(sign + 1))) return text;
    if (digits == 4) return text.substring(0, sign + 3) + ":" + text.substring(sign + 3);
    return digits == 2 ? text + ":00" : text;
  }

  static boolean isWhole(String text) {
    int begin = text.startsWith("-") ? 1 : 0;
    for (int at = begin; at < text.length(); at++) if (text.charAt(at) < '0' || text.charAt(at) > '9') return false;
    return text.length() > begin;
  }
}
