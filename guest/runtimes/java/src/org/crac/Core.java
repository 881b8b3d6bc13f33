package org.crac;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Where a function registers what is to be told before its snapshot is taken and after that was restored: in place of the
 * `org.crac` that it brings (`lambdad.FunctionLoader`), whose own classes look for a virtual machine that can do it.
 */
public class Core {
  private static final Context<Resource> GLOBAL = new GlobalContext();

  private Core() {}

  public static Context<Resource> getGlobalContext() {
    return GLOBAL;
  }

  /** When a snapshot is taken is not the function's to say. */
  public static void checkpointRestore() throws CheckpointException, RestoreException {
    throw new UnsupportedOperationException();
  }

  /** Registering keeps nothing alive: documented for CRaC, and so at AWS. */
  private static final class GlobalContext extends Context<Resource> {
    private final List<WeakReference<Resource>> resources = new ArrayList<>();

    @Override
    public synchronized void register(Resource resource) {
      resources.add(new WeakReference<>(resource));
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException {
      List<Resource> reversed = alive();
      Collections.reverse(reversed);
      CheckpointException failure = null;
      for (Resource resource : reversed) {
        try {
          resource.beforeCheckpoint(this);
        } catch (Exception thrown) {
          if (failure == null) failure = new CheckpointException();
          failure.addSuppressed(thrown);
        }
      }
      if (failure != null) throw failure;
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) throws RestoreException {
      RestoreException failure = null;
      for (Resource resource : alive()) {
        try {
          resource.afterRestore(this);
        } catch (Exception thrown) {
          if (failure == null) failure = new RestoreException();
          failure.addSuppressed(thrown);
        }
      }
      if (failure != null) throw failure;
    }

    private synchronized List<Resource> alive() {
      List<Resource> alive = new ArrayList<>();
      for (WeakReference<Resource> each : resources) {
        Resource resource = each.get();
        if (resource != null) alive.add(resource);
      }
      return alive;
    }
  }
}
