package com.amazonaws.services.lambda.runtime;

/** The Amazon Cognito identity that called; its members are null where there is none. */
public interface CognitoIdentity {
  String getIdentityId();

  String getIdentityPoolId();
}
