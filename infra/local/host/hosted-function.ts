/** A bundle to run, and how. */
export interface HostedFunction {
  /** As in its address: lower-case letters, digits and dashes. */
  name: string;
  /** The bundle folder, with `package.json` and the file that its `main` names. */
  directory: string;
  environment: Record<string, string>;
  /** Virtual seconds until a run is aborted with 299. Default 60, at most 120. */
  maxExecutionSeconds?: number;
  /** Gives the token that says who the function is. Asked at each invocation; the file is written when it changed. */
  computeResourceToken?: () => string;
  /** The environment variable that tells the function the path of its token file. */
  computeResourceTokenVariable?: string;
}

/** What the platform tells of itself. */
export interface CodeEngineProject {
  id: string;
  region: string;
  /** Also the Kubernetes namespace. */
  subdomain: string;
}

export const DEFAULT_PROJECT: CodeEngineProject = {
  id: '4e49b3e0-27a8-48d2-a784-c7ee48bb863b',
  region: 'us-south',
  subdomain: '1kweru2e873',
};

/** Linux allows an argument or variable this many bytes, with its terminating NUL. */
const VARIABLE_BYTES_MAX = 131_072;
const VARIABLES_MAX = 100;
const EXECUTION_SECONDS_MAX = 120;

/** Throws RangeError or TypeError when Code Engine would not take this function. Values are never quoted. */
export function checkFunction(hosted: HostedFunction): void {
  const { name, environment } = hosted;
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name) || name.length > 63) {
    throw new TypeError(`${JSON.stringify(name)} is no name of a function.`);
  }
  const seconds = executionSecondsOf(hosted);
  if (!(seconds > 0 && seconds <= EXECUTION_SECONDS_MAX)) {
    throw new RangeError(
      `Function ${name}: maxExecutionSeconds is ${seconds}, outside of 0 to ${EXECUTION_SECONDS_MAX}.`,
    );
  }
  const count = Object.keys(environment).length;
  if (count > VARIABLES_MAX)
    throw new RangeError(`Function ${name} has ${count} variables, more than ${VARIABLES_MAX}.`);
  for (const [variable, value] of Object.entries(environment)) checkVariable(name, variable, value);
  if (hosted.computeResourceToken && !hosted.computeResourceTokenVariable) {
    throw new TypeError(`Function ${name} has a computeResourceToken but no computeResourceTokenVariable.`);
  }
}

function checkVariable(name: string, variable: string, value: string): void {
  if (!/^[-._a-zA-Z0-9]{1,253}$/.test(variable)) {
    throw new TypeError(`Function ${name}: ${JSON.stringify(variable)} is no name of a variable.`);
  }
  const bytes = Buffer.byteLength(`${variable}=${value}`) + 1;
  if (bytes > VARIABLE_BYTES_MAX) {
    throw new RangeError(`Function ${name}: ${variable} takes ${bytes} bytes, more than ${VARIABLE_BYTES_MAX}.`);
  }
}

export const executionSecondsOf = (hosted: HostedFunction): number => hosted.maxExecutionSeconds ?? 60;

/** All that `process.env` holds in the function. What the platform sets wins. */
export function environmentOf(
  hosted: HostedFunction,
  project: CodeEngineProject,
  tokenFile: string | null,
): Record<string, string> {
  return {
    ...hosted.environment,
    ...(tokenFile !== null &&
      hosted.computeResourceTokenVariable && { [hosted.computeResourceTokenVariable]: tokenFile }),
    CE_ALLOW_CONCURRENT: 'false',
    CE_API_BASE_URL: `https://api.private.${project.region}.codeengine.cloud.ibm.com`,
    CE_DOMAIN: `${project.region}.codeengine.appdomain.cloud`,
    CE_EXECUTION_ENV: 'function',
    CE_FUNCTION: hosted.name,
    CE_PROJECT_ID: project.id,
    CE_REGION: project.region,
    CE_SUBDOMAIN: project.subdomain,
    HOME: '/root',
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    PWD: hosted.directory,
  };
}
