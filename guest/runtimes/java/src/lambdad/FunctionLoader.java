package lambdad;

import java.net.URL;
import java.net.URLClassLoader;

/**
 * The function's classes, below ours. Of ours it sees `org.crac` only if it brings one itself: frameworks take its presence
 * for a virtual machine that can be checkpointed.
 */
final class FunctionLoader extends URLClassLoader {
  static {
    // As its parent is: threads of a function load classes side by side.
    registerAsParallelCapable();
  }

  FunctionLoader(URL[] classPath, ClassLoader parent) {
    super(classPath, parent);
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (name.startsWith("org.crac.") && findResource("org/crac/Core.class") == null) {
      throw new ClassNotFoundException(name);
    }
    return super.loadClass(name, resolve);
  }
}
