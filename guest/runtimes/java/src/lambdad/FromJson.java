package lambdad;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Calendar;
import java.util.Collection;
import java.util.Date;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * From what `JsonReader` read to the type that a handler wants, by the rules of Jackson as AWS has set it up: unknown
 * members are ignored, scalars are converted where that makes sense, single values and lists of one stand for each
 * other, empty text is no object. Throws `JsonException` for what does not fit.
 */
final class FromJson {
  private FromJson() {}

  static Object bind(Object json, Type type) {
    Class<?> raw = Types.raw(type);
    if (raw == Object.class) return natural(json);
    if (isContainer(raw)) return Values.contained(json, type, raw);
    if (json == null) return raw.isPrimitive() && raw != void.class ? Bean.zero(raw) : null;
    if (raw.getName().startsWith("java.time.") && !raw.isEnum()) return Times.read(json, raw);
    if (json instanceof List) return ofArray((List<?>) json, type, raw);
    boolean isMany = Iterable.class.isAssignableFrom(raw) && !Path.class.isAssignableFrom(raw) || raw.isArray();
    if (isMany && raw != byte[].class && raw != char[].class && !"".equals(json)) return ofArray(listOf(json), type, raw);
    if (json instanceof Map) return ofObject((Map<?, ?>) json, type, raw);
    return ofScalar(json, raw);
  }

  /** One that can be changed, as others can. */
  private static List<Object> listOf(Object element) {
    List<Object> list = new ArrayList<>();
    list.add(element);
    return list;
  }

  /** Numbers with a point are doubles for who wants no type. */
  private static Object natural(Object json) {
    if (json instanceof BigDecimal) return ((BigDecimal) json).doubleValue();
    if (json instanceof Map) naturalValues(json);
    else if (json instanceof List) naturalElements(json);
    return json;
  }

  @SuppressWarnings("unchecked")
  private static void naturalValues(Object json) {
    for (Map.Entry<String, Object> member : ((Map<String, Object>) json).entrySet()) {
      member.setValue(natural(member.getValue()));
    }
  }

  @SuppressWarnings("unchecked")
  private static void naturalElements(Object json) {
    List<Object> elements = (List<Object>) json;
    for (int index = 0; index < elements.size(); index++) elements.set(index, natural(elements.get(index)));
  }

  private static Object ofObject(Map<?, ?> members, Type type, Class<?> raw) {
    if (Map.class.isAssignableFrom(raw)) return mapOf(members, type, raw);
    if (isValue(raw)) throw mismatch(raw, "Object", "START_OBJECT");
    Bean bean = Bean.of(raw);
    try {
      return bean.make(members, type, MEMBER);
    } catch (JsonException | Error thrown) {
      throw thrown;
    } catch (Throwable thrown) {
      throw new JsonException("Cannot construct instance of `" + raw.getName() + "`, problem: " + thrown.getMessage(), thrown);
    }
  }

  private static final Bean.Binder MEMBER = new Bean.Binder() {
    @Override
    public Object bind(Bean bean, Object json, Type type, Bean.Property property) {
      return member(bean, json, type, property);
    }
  };

  private static Object member(Bean bean, Object json, Type type, Bean.Property property) {
    try {
      // Streams say when in seconds, with a fraction.
      if (bean.isEvent && type == Date.class && json instanceof Number) {
        return new Date(Math.round(((Number) json).doubleValue() * 1000));
      }
      return bind(json, type);
    } catch (JsonException thrown) {
      String place = bean.type.getName() + "[\"" + property.name + "\"]";
      String message = thrown.getMessage();
      int chain = message.indexOf(" (through reference chain: ");
      if (chain < 0) throw new JsonException(message + " (through reference chain: " + place + ")", thrown.getCause());
      int begin = chain + " (through reference chain: ".length();
      throw new JsonException(message.substring(0, begin) + place + "->" + message.substring(begin), thrown.getCause());
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static Object mapOf(Map<?, ?> members, Type type, Class<?> raw) {
    Type keyType = Types.argumentOf(type, Map.class, 0);
    Type valueType = Types.argumentOf(type, Map.class, 1);
    if (keyType == Object.class || keyType == String.class) {
      if (valueType == Object.class && raw.isInstance(members)) return natural(members);
      keyType = String.class;
    }
    Map map = raw.isAssignableFrom(LinkedHashMap.class) ? new LinkedHashMap<>()
        : raw.isAssignableFrom(TreeMap.class) ? new TreeMap<>()
        : raw.isAssignableFrom(java.util.concurrent.ConcurrentHashMap.class) ? new java.util.concurrent.ConcurrentHashMap<>()
        : raw == EnumMap.class ? new EnumMap(Types.raw(keyType))
        : (Map) instance(raw);
    for (Map.Entry<?, ?> member : members.entrySet()) {
      map.put(bind(member.getKey(), keyType), bind(member.getValue(), valueType));
    }
    return map;
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static Object ofArray(List<?> elements, Type type, Class<?> raw) {
    if (raw.isArray()) {
      Type elementType = type instanceof java.lang.reflect.GenericArrayType
          ? ((java.lang.reflect.GenericArrayType) type).getGenericComponentType()
          : raw.getComponentType();
      Object array = Array.newInstance(raw.getComponentType(), elements.size());
      for (int index = 0; index < elements.size(); index++) Array.set(array, index, bind(elements.get(index), elementType));
      return array;
    }
    if (!Iterable.class.isAssignableFrom(raw)) {
      if (elements.isEmpty()) return raw.isPrimitive() ? Bean.zero(raw) : null;
      if (elements.size() == 1 && !(elements.get(0) instanceof List)) return bind(elements.get(0), type);
      throw mismatch(raw, "Array", "START_ARRAY");
    }
    Type elementType = Types.argumentOf(type, Iterable.class, 0);
    if (elementType == Object.class && raw.isInstance(elements)) return natural(elements);
    Collection many = raw.isAssignableFrom(ArrayList.class) ? new ArrayList<>(elements.size())
        : raw.isAssignableFrom(LinkedHashSet.class) ? new LinkedHashSet<>()
        : raw.isAssignableFrom(TreeSet.class) ? new TreeSet<>()
        : raw.isAssignableFrom(ArrayDeque.class) ? new ArrayDeque<>()
        : raw == EnumSet.class ? EnumSet.noneOf((Class) Types.raw(elementType))
        : (Collection) instance(raw);
    for (Object element : elements) many.add(bind(element, elementType));
    return many;
  }

  private static Object instance(Class<?> raw) {
    try {
      return raw.getConstructor().newInstance();
    } catch (ReflectiveOperationException cause) {
      throw new JsonException("Cannot construct instance of `" + raw.getName() + "`", cause);
    }
  }

  /** By their names, so that only those who use them load these classes. */
  private static boolean isContainer(Class<?> raw) {
    String name = raw.getName();
    return name.startsWith("java.util.Optional") || name.equals("java.util.concurrent.atomic.AtomicReference")
        || name.equals("java.util.concurrent.atomic.AtomicBoolean");
  }

  private static boolean isDate(Class<?> raw) {
    return Date.class.isAssignableFrom(raw) || Calendar.class.isAssignableFrom(raw);
  }

  private static boolean isValue(Class<?> raw) {
    return raw.isPrimitive() || raw.isEnum() || raw == String.class || raw == Boolean.class
        || raw == Character.class || Number.class.isAssignableFrom(raw) || isDate(raw);
  }

  private static Object ofScalar(Object json, Class<?> raw) {
    if (raw == String.class || raw == CharSequence.class) return text(json);
    if (raw == boolean.class || raw == Boolean.class) return truth(json, raw);
    boolean isLetter = raw == char.class || raw == Character.class;
    if (raw.isPrimitive() && !isLetter || Number.class.isAssignableFrom(raw)) {
      Object number = Numbers.read(json, raw);
      if (number != null || raw.getName().startsWith("java.")) return number;
    }
    if (raw.isInstance(json)) return natural(json);
    if (isLetter && json instanceof Integer) return (char) (int) (Integer) json;
    if (raw == Void.class) return null;
    if (json instanceof Number && raw.isEnum()) return constantAt(((Number) json).intValue(), raw);
    if (isDate(raw) && !"".equals(json) && !(json instanceof Boolean)) return Values.date(json, raw);
    String text = text(json);
    if (isLetter) {
      if (text.length() == 1) return text.charAt(0);
      if (text.isEmpty()) return raw == char.class ? (Object) '\0' : null;
    } else if (text.isEmpty() && !raw.isPrimitive()) {
      return null;
    } else if (raw == byte[].class) {
      return Base64.getDecoder().decode(text);
    } else if (raw == ByteBuffer.class) {
      return ByteBuffer.wrap(Base64.getDecoder().decode(text));
    } else if (raw == char[].class) {
      return text.toCharArray();
    } else if (raw.isEnum()) {
      return constant(text, raw);
    } else if (raw == Path.class) {
      return Paths.get(text);
    } else if (json instanceof String) {
      Object made = made(text, raw);
      if (made != null) return made;
    }
    throw mismatch(raw, json instanceof String ? "String" : json instanceof Boolean ? "Boolean" : "Number", tokenOf(json));
  }

  private static String text(Object json) {
    return json instanceof BigDecimal ? ((BigDecimal) json).toString() : String.valueOf(json);
  }

  private static Object truth(Object json, Class<?> raw) {
    if (json instanceof Boolean) return json;
    if (json instanceof Number) return ((Number) json).doubleValue() != 0;
    String text = text(json).trim();
    if (text.equals("true") || text.equals("True") || text.equals("TRUE")) return true;
    if (text.equals("false") || text.equals("False") || text.equals("FALSE")) return false;
    if (text.isEmpty() || text.equals("null")) return raw.isPrimitive() ? false : null;
    throw new JsonException(
        "Cannot deserialize value of type `" + raw.getName() + "` from String \"" + text
            + "\": only \"true\" or \"false\" recognized");
  }

  /** One that is not known is null: AWS reads unknown constants so. */
  private static Object constant(String name, Class<?> type) {
    for (Object constant : type.getEnumConstants()) if (((Enum<?>) constant).name().equals(name)) return constant;
    return name.length() < 6 && Values.isWhole(name) ? constantAt(Integer.parseInt(name), type) : null;
  }

  private static Object constantAt(int ordinal, Class<?> type) {
    Object[] constants = type.getEnumConstants();
    return ordinal >= 0 && ordinal < constants.length ? constants[ordinal] : null;
  }

  private static final List<String> FACTORIES =
      java.util.Arrays.asList("valueOf", "fromString", "parse", "of", "create", "compile", "forName", "getInstance", "getTimeZone");

  /** A value that its class makes of text: by a public constructor, or a factory with one of the usual names. */
  private static Object made(String text, Class<?> type) {
    try {
      for (Constructor<?> each : type.getConstructors()) {
        if (each.getParameterCount() == 1 && each.getParameterTypes()[0] == String.class) return each.newInstance(text);
      }
      for (String name : FACTORIES) {
        for (Method each : type.getMethods()) {
          boolean isFactory = each.getName().equals(name) && Modifier.isStatic(each.getModifiers())
              && each.getParameterCount() == 1 && each.getParameterTypes()[0].isAssignableFrom(String.class)
              && type.isAssignableFrom(each.getReturnType());
          if (isFactory) return each.invoke(null, text);
        }
      }
    } catch (ReflectiveOperationException cause) {
      Throwable reason = cause.getCause() == null ? cause : cause.getCause();
      throw new JsonException(
          "Cannot deserialize value of type `" + type.getName() + "` from String \"" + text + "\": " + reason.getMessage(), reason);
    }
    return null;
  }

  private static String tokenOf(Object json) {
    if (json instanceof String) return "VALUE_STRING";
    if (json instanceof Boolean) return (Boolean) json ? "VALUE_TRUE" : "VALUE_FALSE";
    return json instanceof BigDecimal ? "VALUE_NUMBER_FLOAT" : "VALUE_NUMBER_INT";
  }

  static JsonException mismatch(Class<?> raw, String what, String token) {
    return new JsonException(
        "Cannot deserialize value of type `" + raw.getTypeName() + "` from " + what + " value (token `JsonToken." + token + "`)");
  }
}
