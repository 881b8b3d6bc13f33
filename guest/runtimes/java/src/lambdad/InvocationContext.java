package lambdad;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** The context of one invocation: from the environment what belongs to the function, from headers what belongs to it. */
final class InvocationContext implements Context {
  private final Map<String, String> headers;
  private final LambdaLogger logger;

  InvocationContext(Map<String, String> headers, LambdaLogger logger) {
    this.headers = headers;
    this.logger = logger;
  }

  @Override
  public String getAwsRequestId() {
    return headers.get("lambda-runtime-aws-request-id");
  }

  @Override
  public String getLogGroupName() {
    return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
  }

  @Override
  public String getLogStreamName() {
    return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
  }

  @Override
  public String getFunctionName() {
    return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
  }

  @Override
  public String getFunctionVersion() {
    return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
  }

  @Override
  public String getInvokedFunctionArn() {
    return headers.get("lambda-runtime-invoked-function-arn");
  }

  @Override
  public CognitoIdentity getIdentity() {
    Map<?, ?> identity = parsed("lambda-runtime-cognito-identity");
    return new Identity(text(identity, "cognitoIdentityId"), text(identity, "cognitoIdentityPoolId"));
  }

  @Override
  public ClientContext getClientContext() {
    Map<?, ?> sent = parsed("lambda-runtime-client-context");
    return sent == null ? null : new SentContext(sent);
  }

  @Override
  public int getRemainingTimeInMillis() {
    long deadlineMs = Long.parseLong(headers.get("lambda-runtime-deadline-ms"));
    return (int) Math.max(0, deadlineMs - System.currentTimeMillis());
  }

  @Override
  public int getMemoryLimitInMB() {
    return Integer.parseInt(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
  }

  @Override
  public LambdaLogger getLogger() {
    return logger;
  }

  @Override
  public String getTenantId() {
    return headers.get("lambda-runtime-aws-tenant-id");
  }

  @Override
  public String getXrayTraceId() {
    return headers.get("lambda-runtime-trace-id");
  }

  private Map<?, ?> parsed(String header) {
    String value = headers.get(header);
    Object json = value == null ? null : JsonReader.read(value.getBytes(StandardCharsets.UTF_8));
    return json instanceof Map ? (Map<?, ?>) json : null;
  }

  private static String text(Map<?, ?> members, String name) {
    Object value = members == null ? null : members.get(name);
    return value == null ? null : value.toString();
  }

  private static Map<String, String> texts(Object members) {
    Map<String, String> texts = new LinkedHashMap<>();
    if (!(members instanceof Map)) return texts;
    for (Object name : ((Map<?, ?>) members).keySet()) texts.put((String) name, text((Map<?, ?>) members, (String) name));
    return texts;
  }

  private static final class Identity implements CognitoIdentity {
    private final String id;
    private final String poolId;

    Identity(String id, String poolId) {
      this.id = id;
      this.poolId = poolId;
    }

    @Override
    public String getIdentityId() {
      return id;
    }

    @Override
    public String getIdentityPoolId() {
      return poolId;
    }
  }

  private static final class SentContext implements ClientContext, Client {
    private final Map<?, ?> sent;
    private final Map<?, ?> client;

    SentContext(Map<?, ?> sent) {
      this.sent = sent;
      client = sent.get("client") instanceof Map ? (Map<?, ?>) sent.get("client") : null;
    }

    @Override
    public Client getClient() {
      return client == null ? null : this;
    }

    @Override
    public Map<String, String> getCustom() {
      return texts(sent.get("custom"));
    }

    @Override
    public Map<String, String> getEnvironment() {
      return texts(sent.get("env"));
    }

    @Override
    public String getInstallationId() {
      return text(client, "installation_id");
    }

    @Override
    public String getAppTitle() {
      return text(client, "app_title");
    }

    @Override
    public String getAppVersionName() {
      return text(client, "app_version_name");
    }

    @Override
    public String getAppVersionCode() {
      return text(client, "app_version_code");
    }

    @Override
    public String getAppPackageName() {
      return text(client, "app_package_name");
    }
  }
}
