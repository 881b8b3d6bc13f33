package lambdad;

import com.amazonaws.services.lambda.runtime.Context;

/** A function's handler, whatever its form. */
interface Handler {
  /** Throws what the function threw, or a `Fault` of the runtime's own. */
  void call(byte[] event, Output answer, Context context) throws Throwable;
}
