package lambdad;

import java.lang.reflect.Array;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.util.HashMap;
import java.util.Map;

/** What type variables stand for: `List<T>` seen from a class that says what T is. */
final class Types {
  private Types() {}

  static Class<?> raw(Type type) {
    if (type instanceof Class) return (Class<?>) type;
    if (type instanceof ParameterizedType) return (Class<?>) ((ParameterizedType) type).getRawType();
    if (type instanceof GenericArrayType) {
      return Array.newInstance(raw(((GenericArrayType) type).getGenericComponentType()), 0).getClass();
    }
    if (type instanceof WildcardType) return raw(((WildcardType) type).getUpperBounds()[0]);
    return raw(((TypeVariable<?>) type).getBounds()[0]);
  }

  /** The arguments that `type` has for the variables of its class or interface `declaring`, or null. */
  static Type[] argumentsOf(Type type, Class<?> declaring) {
    Class<?> raw = raw(type);
    if (!declaring.isAssignableFrom(raw)) return null;
    if (raw == declaring) return type instanceof ParameterizedType ? ((ParameterizedType) type).getActualTypeArguments() : null;
    Map<TypeVariable<?>, Type> bindings = bindingsOf(type);
    for (Type up : raw.getGenericInterfaces()) {
      Type[] found = argumentsOf(resolve(up, bindings), declaring);
      if (found != null) return found;
    }
    Type up = raw.getGenericSuperclass();
    return up == null ? null : argumentsOf(resolve(up, bindings), declaring);
  }

  /** The one argument of a `Collection<E>` or the like; Object where it has none. */
  static Type argumentOf(Type type, Class<?> declaring, int index) {
    Type[] arguments = argumentsOf(type, declaring);
    return arguments == null ? Object.class : arguments[index];
  }

  /** What the variables of a type and of all that it extends stand for. */
  static Map<TypeVariable<?>, Type> bindingsOf(Type type) {
    Map<TypeVariable<?>, Type> bindings = new HashMap<>();
    for (Type each = type; each != null; each = raw(each).getGenericSuperclass()) {
      if (!(each instanceof ParameterizedType)) continue;
      TypeVariable<?>[] variables = raw(each).getTypeParameters();
      Type[] arguments = ((ParameterizedType) each).getActualTypeArguments();
      for (int index = 0; index < variables.length; index++) {
        bindings.put(variables[index], resolve(arguments[index], bindings));
      }
    }
    return bindings;
  }

  static Type resolve(Type type, Map<TypeVariable<?>, Type> bindings) {
    if (type instanceof TypeVariable) {
      Type bound = bindings.get(type);
      return bound == null ? raw(type) : bound;
    }
    if (type instanceof WildcardType) return resolve(((WildcardType) type).getUpperBounds()[0], bindings);
    if (type instanceof GenericArrayType) {
      Type element = resolve(((GenericArrayType) type).getGenericComponentType(), bindings);
      return element instanceof Class ? Array.newInstance((Class<?>) element, 0).getClass() : new ArrayOf(element);
    }
    if (!(type instanceof ParameterizedType)) return type;
    Type[] arguments = ((ParameterizedType) type).getActualTypeArguments().clone();
    for (int index = 0; index < arguments.length; index++) arguments[index] = resolve(arguments[index], bindings);
    return new Parameterized(raw(type), arguments);
  }

  private static final class ArrayOf implements GenericArrayType {
    private final Type element;

    ArrayOf(Type element) {
      this.element = element;
    }

    @Override
    public Type getGenericComponentType() {
      return element;
    }
  }

  private static final class Parameterized implements ParameterizedType {
    private final Class<?> raw;
    private final Type[] arguments;

    Parameterized(Class<?> raw, Type[] arguments) {
      this.raw = raw;
      this.arguments = arguments;
    }

    @Override
    public Type[] getActualTypeArguments() {
      return arguments;
    }

    @Override
    public Type getRawType() {
      return raw;
    }

    @Override
    public Type getOwnerType() {
      return raw.getDeclaringClass();
    }
  }
}
