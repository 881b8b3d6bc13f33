/**
 * Every runtime identifier that AWS's API knows, with its family and the dates on which AWS deprecates it and stops
 * creating and updating functions of it. Pure facts: what follows from a date is the Lambda service's business.
 *
 * Source: lambda-map 1.5 for what was supported in September 2026. The dates of what had gone before are recalled from
 * AWS's page "Lambda runtimes"; where AWS has moved a date and the last one is not known, it is left out.
 */

export type RuntimeFamily = "nodejs" | "python" | "java" | "dotnet" | "ruby" | "go" | "provided";

/** Days, ISO 8601, UTC. */
export interface RuntimeFacts {
  readonly family: RuntimeFamily;
  readonly deprecatedAt?: string;
  readonly createBlockedAt?: string;
  readonly updateBlockedAt?: string;
}

/** In the order in which `lambdad runtimes` shows them: by family, newest first. */
export const runtimeFacts: Readonly<Record<string, RuntimeFacts>> = {
  "nodejs26.x": supported("nodejs"),
  "nodejs24.x": until("nodejs", "2028-04-30", "2028-06-01", "2028-07-01"),
  "nodejs22.x": until("nodejs", "2027-04-30", "2027-06-01", "2027-07-01"),
  "nodejs20.x": until("nodejs", "2026-04-30"),
  "nodejs18.x": until("nodejs", "2025-09-01"),
  "nodejs16.x": until("nodejs", "2024-06-12"),
  "nodejs14.x": until("nodejs", "2023-12-04", "2024-01-09", "2024-02-08"),
  "nodejs12.x": until("nodejs", "2023-03-31", "2023-03-31", "2023-04-30"),
  "nodejs10.x": until("nodejs", "2021-07-30", "2021-07-30", "2022-02-14"),
  "nodejs8.10": until("nodejs", "2020-03-06", "2020-02-04", "2020-03-06"),
  "nodejs6.10": until("nodejs", "2019-08-12", "2019-07-12", "2019-08-12"),
  "nodejs4.3": until("nodejs", "2020-03-05", "2020-02-03", "2020-03-05"),
  "nodejs4.3-edge": until("nodejs", "2020-03-05", "2019-03-31", "2019-04-30"),
  nodejs: until("nodejs", "2016-10-31", "2016-10-31", "2016-10-31"),

  "python3.15": supported("python"),
  "python3.14": until("python", "2029-06-30", "2029-07-31", "2029-08-31"),
  "python3.13": until("python", "2029-06-30", "2029-07-31", "2029-08-31"),
  "python3.12": until("python", "2028-10-31", "2028-11-30", "2029-01-10"),
  "python3.11": until("python", "2027-06-30", "2027-07-31", "2027-08-31"),
  "python3.10": until("python", "2026-10-31", "2027-02-01", "2027-03-03"),
  "python3.9": until("python", "2025-12-15"),
  "python3.8": until("python", "2024-10-14"),
  "python3.7": until("python", "2023-12-04", "2024-01-09", "2024-02-08"),
  "python3.6": until("python", "2022-07-18", "2022-07-18", "2022-08-29"),
  "python2.7": until("python", "2021-07-15", "2021-07-15", "2022-05-30"),

  java25: until("java", "2029-06-30", "2029-07-31", "2029-08-31"),
  java21: until("java", "2029-06-30", "2029-07-31", "2029-08-31"),
  "java17.al2023": supported("java"),
  java17: until("java", "2027-06-30", "2027-07-31", "2027-08-31"),
  "java11.al2023": supported("java"),
  java11: until("java", "2027-06-30", "2027-07-31", "2027-08-31"),
  "java8.al2023": supported("java"),
  "java8.al2": until("java", "2027-06-30", "2027-07-31", "2027-08-31"),
  java8: until("java", "2024-01-08", "2024-02-08", "2024-03-12"),

  dotnet10: until("dotnet", "2028-11-14", "2028-12-14", "2029-01-15"),
  dotnet8: until("dotnet", "2026-11-10", "2027-02-01", "2027-03-03"),
  dotnet6: until("dotnet", "2024-12-20"),
  "dotnetcore3.1": until("dotnet", "2023-04-03", "2023-04-03", "2023-05-03"),
  "dotnetcore2.1": until("dotnet", "2022-01-05", "2022-01-05", "2022-04-13"),
  "dotnetcore2.0": until("dotnet", "2019-05-30", "2019-04-30", "2019-05-30"),
  "dotnetcore1.0": until("dotnet", "2019-07-30", "2019-06-27", "2019-07-30"),

  "ruby4.0": until("ruby", "2029-03-31", "2029-04-30", "2029-05-31"),
  "ruby3.4": until("ruby", "2028-03-31", "2028-04-30", "2028-05-31"),
  "ruby3.3": until("ruby", "2027-03-31", "2027-04-30", "2027-05-31"),
  "ruby3.2": until("ruby", "2026-03-31"),
  "ruby2.7": until("ruby", "2023-12-07", "2024-01-09", "2024-02-08"),
  "ruby2.5": until("ruby", "2021-07-30", "2021-07-30", "2022-03-31"),

  "go1.x": until("go", "2024-01-08", "2024-02-08", "2024-03-12"),

  "provided.al2023": until("provided", "2029-06-30", "2029-07-31", "2029-08-31"),
  "provided.al2": until("provided", "2026-07-31"),
  provided: until("provided", "2024-01-08", "2024-02-08", "2024-03-12"),
};

/** SnapStart: Java 11, Python 3.12, .NET 8 and what came later. Documented. */
export function supportsSnapStart(runtime: string): boolean {
  const [, family = "", version = ""] = /^(java|python3\.|dotnet)(\d+)(?:\.al2023)?$/.exec(runtime) ?? [];
  return Number(version) >= (snapStartSince[family] ?? Infinity);
}

const snapStartSince: Readonly<Record<string, number>> = { java: 11, "python3.": 12, dotnet: 8 };

function supported(family: RuntimeFamily): RuntimeFacts {
  return { family };
}

function until(
  family: RuntimeFamily,
  deprecatedAt: string,
  createBlockedAt?: string,
  updateBlockedAt?: string,
): RuntimeFacts {
  return { family, deprecatedAt, createBlockedAt, updateBlockedAt };
}
