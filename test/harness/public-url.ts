/**
 * URLs of functions: the two permissions that let anyone call one, as AddPermission takes them, and the form of its address
 * that every machine can reach.
 */
import { AddPermissionCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import type { Input } from "../../src/services/lambda/operation-types.ts";

export type Named = Pick<Input<"AddPermission">, "FunctionName" | "Qualifier">;

export function publicUrlPermissions(named: Named): Input<"AddPermission">[] {
  return [
    {
      ...named,
      StatementId: "PublicUrl",
      Action: "lambda:InvokeFunctionUrl",
      Principal: "*",
      FunctionUrlAuthType: "NONE",
    },
    {
      ...named,
      StatementId: "PublicUrlInvoke",
      Action: "lambda:InvokeFunction",
      Principal: "*",
      InvokedViaFunctionUrl: true,
    },
  ];
}

export async function openUrl(lambda: LambdaClient, named: Named): Promise<void> {
  for (const input of publicUrlPermissions(named)) await lambda.send(new AddPermissionCommand(input));
}

/** Where a function's URL is under lambdad's own, whatever form it was given in: names below localhost are not found everywhere. */
export function urlByPath(server: string, functionUrl: string): string {
  const [id = "none"] = /[a-z2-7]{32}/.exec(functionUrl) ?? [];
  return `${server}/_lambdad/url/${id}/`;
}
