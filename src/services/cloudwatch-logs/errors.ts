/** CloudWatch Logs's errors, in its words. All answer HTTP 400. Texts: map-events-observability 4.1 to 4.3. */
import { AwsError } from "../../wire/aws-error.ts";

export const groupExists = () =>
  new AwsError("ResourceAlreadyExistsException", "The specified log group already exists");
export const streamExists = () =>
  new AwsError("ResourceAlreadyExistsException", "The specified log stream already exists");
export const groupNotFound = () =>
  new AwsError("ResourceNotFoundException", "The specified log group does not exist.");
export const streamNotFound = () =>
  new AwsError("ResourceNotFoundException", "The specified log stream does not exist.");
export const invalidParameter = (message: string) => new AwsError("InvalidParameterException", message);
export const invalidToken = () => invalidParameter("The specified nextToken is invalid.");
export const validation = (message: string) => new AwsError("ValidationException", message);
export const tooManyTags = () =>
  new AwsError("TooManyTagsException", "The number of tags exceeds the limit of 50.");
