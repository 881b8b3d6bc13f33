/** The two permissions that let anyone call a function's URL, as AddPermission takes them. */
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
