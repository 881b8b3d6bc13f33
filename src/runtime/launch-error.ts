/** What keeps a runtime from being started, with AWS's name for it. */
export class LaunchError extends Error {
  override name = "LaunchError";
  /** AWS's: "Runtime.InvalidEntrypoint", … */
  readonly errorType: string;
  constructor(errorType: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.errorType = errorType;
  }
}
