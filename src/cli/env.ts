/** `lambdad env`: what points a shell at lambdad. */
import type { ClientSettings } from "../config.ts";
import { print } from "./output.ts";

export interface EnvOptions {
  readonly json?: boolean;
  readonly unset?: boolean;
}

export function env(settings: ClientSettings, options: EnvOptions): void {
  const variables = variablesFor(settings);
  if (options.json) return print(JSON.stringify(variables, undefined, 2));
  for (const [name, value] of Object.entries(variables))
    print(options.unset ? `unset ${name}` : `export ${name}=${value}`);
  if (process.stdout.isTTY && !options.unset) print('# run: eval "$(lambdad env)"');
}

export function variablesFor(settings: ClientSettings): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: settings.endpoint,
    AWS_ACCESS_KEY_ID: settings.accessKey,
    AWS_SECRET_ACCESS_KEY: settings.secretKey,
    AWS_REGION: settings.region,
    AWS_DEFAULT_REGION: settings.region,
  };
}
