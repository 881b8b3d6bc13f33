package lambdad;

import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A class as JSON sees it: the properties that it can be read from and written to by, as Jackson's defaults have them.
 * Getters and setters before public fields; records by their components; in the order of the fields. Names are those of
 * JavaBeans, and are found in any case. AWS's own event classes may have no constructor that takes nothing: they are made
 * with nulls, and their private fields are set.
 *
 * No lambda expressions here and in all the bootstrap: the first one costs a cold start some milliseconds.
 */
final class Bean {
  /** AWS's event classes, which have rules of their own. */
  private static final String EVENTS = "com.amazonaws.services.lambda.runtime.events.";

  private static final Map<Class<?>, Bean> KNOWN = new ConcurrentHashMap<>();

  final Class<?> type;
  final boolean isEvent;
  private final boolean isRecord;
  private final Map<String, Property> properties = new LinkedHashMap<>();
  private Constructor<?> constructor;

  static final class Property {
    final String name;
    private Field field;
    Method getter;
    Method setter;

    private Property(String name) {
      this.name = name;
    }

    boolean isReadable() {
      return getter != null || isPublic(field);
    }

    boolean isWritable() {
      return setter != null || (field != null && (isPublic(field) || getter != null));
    }

    Type writtenType() {
      return setter != null ? setter.getGenericParameterTypes()[0] : field.getGenericType();
    }

    Object read(Object bean) throws Throwable {
      if (getter == null) return open(field).get(bean);
      try {
        return open(getter).invoke(bean);
      } catch (InvocationTargetException thrown) {
        throw thrown.getCause();
      }
    }

    private void write(Object bean, Object value) throws Throwable {
      if (setter == null) {
        open(field).set(bean, value);
        return;
      }
      try {
        open(setter).invoke(bean, value);
      } catch (InvocationTargetException thrown) {
        throw thrown.getCause();
      }
    }
  }

  static Bean of(Class<?> type) {
    Bean known = KNOWN.get(type);
    if (known != null) return known;
    Bean made = new Bean(type);
    KNOWN.put(type, made);
    return made;
  }

  private Bean(Class<?> type) {
    this.type = type;
    isEvent = type.getName().startsWith(EVENTS);
    isRecord = type.getSuperclass() != null && type.getSuperclass().getName().equals("java.lang.Record");
    addFields(type);
    Map<String, Property> others = new TreeMap<>();
    addMethods(type, others);
    properties.putAll(others);
  }

  Iterable<Property> properties() {
    return properties.values();
  }

  /** Null where there is none of that name that can be written. */
  private Property writable(String name) {
    Property found = properties.get(name);
    if (found == null) {
      // Of AWS's events "detail-type" is detailType, and "x-amz-id-2" is xAmzId2.
      String wanted = isEvent ? name.replace("-", "") : name;
      for (Property each : properties.values()) {
        if (each.name.equalsIgnoreCase(wanted)) found = each;
      }
    }
    if (found == null || found.isWritable()) return found;
    return found.field != null && (isRecord || isEvent && constructor().getParameterCount() > 0) ? found : null;
  }

  /** A value of a property's type made of JSON. */
  interface Binder {
    Object bind(Bean bean, Object json, Type type, Property property);
  }

  /** `beanType` is this class with its type arguments. */
  Object make(Map<?, ?> members, Type beanType, Binder binder) throws Throwable {
    Map<TypeVariable<?>, Type> bindings = Types.bindingsOf(beanType);
    Map<Property, Object> values = new LinkedHashMap<>();
    for (Map.Entry<?, ?> member : members.entrySet()) {
      Property property = writable((String) member.getKey());
      if (property == null) continue; // as Jackson is set up there: unknown properties are ignored
      Type type = Types.resolve(property.writtenType(), bindings);
      values.put(property, binder.bind(this, member.getValue(), type, property));
    }
    if (isRecord) {
      // A component that the event lacks is as if it were null there: an Optional is empty.
      for (Property each : properties.values()) {
        if (each.field == null || values.containsKey(each)) continue;
        values.put(each, binder.bind(this, null, Types.resolve(each.writtenType(), bindings), each));
      }
      return instance(values);
    }
    Object bean = instance(values);
    for (Map.Entry<Property, Object> value : values.entrySet()) value.getKey().write(bean, value.getValue());
    return bean;
  }

  private Object instance(Map<Property, Object> values) throws Throwable {
    Class<?>[] parameters = constructor().getParameterTypes();
    Object[] arguments = new Object[parameters.length];
    int index = 0;
    if (isRecord) for (Property each : properties.values()) if (each.field != null) arguments[index++] = values.get(each);
    for (int at = 0; at < arguments.length; at++) {
      if (arguments[at] == null && parameters[at].isPrimitive()) arguments[at] = zero(parameters[at]);
    }
    try {
      return constructor().newInstance(arguments);
    } catch (InvocationTargetException thrown) {
      throw thrown.getCause();
    }
  }

  private Constructor<?> constructor() {
    if (constructor == null) {
      if (type.isInterface() || Modifier.isAbstract(type.getModifiers())) {
        throw new JsonException("Cannot construct instance of `" + type.getName() + "`: it is abstract");
      }
      for (Constructor<?> each : type.getDeclaredConstructors()) {
        boolean isBetter = constructor == null || each.getParameterCount() < constructor.getParameterCount();
        if (isRecord ? isCanonical(each) : isBetter) constructor = each;
      }
      boolean isMissing = constructor == null || !isRecord && !isEvent && constructor.getParameterCount() > 0;
      if (isMissing) {
        constructor = null;
        throw new JsonException(
            "Cannot construct instance of `" + type.getName() + "` (no Creators, like default constructor, exist): "
                + "cannot deserialize from Object value (no delegate- or property-based Creator)");
      }
      open(constructor);
    }
    return constructor;
  }

  private boolean isCanonical(Constructor<?> candidate) {
    List<Class<?>> components = new ArrayList<>();
    for (Property each : properties.values()) if (each.field != null) components.add(each.field.getType());
    return components.equals(Arrays.asList(candidate.getParameterTypes()));
  }

  static Object zero(Class<?> primitive) {
    return Array.get(Array.newInstance(primitive, 1), 0);
  }

  private void addFields(Class<?> from) {
    if (from == null || from == Object.class) return;
    addFields(from.getSuperclass());
    for (Field field : from.getDeclaredFields()) {
      int modifiers = field.getModifiers();
      if (Modifier.isStatic(modifiers) || Modifier.isTransient(modifiers) || field.isSynthetic()) continue;
      Property property = new Property(field.getName());
      property.field = field;
      properties.put(property.name, property);
    }
  }

  /**
   * Class by class: of what a class inherits from one that is not public, `getMethods` has the compiler's bridges only.
   * The own ones after the inherited ones, which they replace.
   */
  private void addMethods(Class<?> from, Map<String, Property> others) {
    if (from == null || from == Object.class) return;
    addMethods(from.getSuperclass(), others);
    for (Class<?> each : from.getInterfaces()) addMethods(each, others);
    for (Method method : from.getDeclaredMethods()) {
      if (!from.isInterface() || method.isDefault()) addMethod(method, others);
    }
  }

  private void addMethod(Method method, Map<String, Property> others) {
    int modifiers = method.getModifiers();
    if (method.isBridge() || Modifier.isStatic(modifiers) || !Modifier.isPublic(modifiers)) return;
    String name = method.getName();
    if (method.getParameterCount() == 0 && method.getReturnType() != void.class) {
      String property = isRecord && properties.containsKey(name) ? name : nameOf(method);
      if (property != null) at(property, others).getter = method;
    } else if (method.getParameterCount() == 1 && name.startsWith("set") && name.length() > 3) {
      Property property = at(decapitalised(name.substring(3)), others);
      Class<?> wanted = property.field != null ? property.field.getType() : null;
      if (property.setter == null || method.getParameterTypes()[0] == wanted) property.setter = method;
    }
  }

  private String nameOf(Method getter) {
    String name = getter.getName();
    if (name.startsWith("get") && name.length() > 3) return decapitalised(name.substring(3));
    Class<?> returned = getter.getReturnType();
    if (!name.startsWith("is") || name.length() < 3 || (returned != boolean.class && returned != Boolean.class)) return null;
    // AWS's classes say isBase64Encoded and mean a property of that name.
    return isEvent && properties.containsKey(name) ? name : decapitalised(name.substring(2));
  }

  private Property at(String name, Map<String, Property> others) {
    Property property = properties.containsKey(name) ? properties.get(name) : others.get(name);
    if (property == null) {
      property = new Property(name);
      others.put(name, property);
    }
    return property;
  }

  /** As JavaBeans have it: "getURL" is "URL". */
  private static String decapitalised(String name) {
    if (name.length() > 1 && Character.isUpperCase(name.charAt(0)) && Character.isUpperCase(name.charAt(1))) return name;
    return Character.toLowerCase(name.charAt(0)) + name.substring(1);
  }

  private static boolean isPublic(Field field) {
    return field != null && Modifier.isPublic(field.getModifiers());
  }

  /** Members of classes that are not public are used all the same. */
  private static <T extends AccessibleObject> T open(T member) {
    member.setAccessible(true);
    return member;
  }
}
