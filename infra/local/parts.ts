import type { Audit } from './audit.ts';
import type { CloudClock } from './clock.ts';
import type { SeededRandom } from './random.ts';
import type { Switches } from './switches.ts';

/** The one account that the embedded cloud holds, and what exists in it from the start. */
export interface Account {
  id: string;
  /** The account owner: a user who may do everything. */
  adminIamId: string;
  resourceGroupId: string;
  secretsManager: Instance;
  cloudLogs: Instance;
  logsRouter: Instance;
  eventNotifications: Instance;
}

interface Instance {
  guid: string;
  crn: string;
}

/** What every service of the embedded cloud is given. */
export interface CloudParts {
  account: Account;
  clock: CloudClock;
  random: SeededRandom;
  audit: Audit;
  /** Live: read it at each use, `POST /switches` changes it. */
  switches: Switches;
}

/** Who a valid bearer token belongs to. */
export interface Caller {
  iamId: string;
  accountId: string;
}

/** What an action is done to, in the terms of policy attributes. */
export interface Target {
  serviceName: string;
  serviceInstance?: string;
  resourceType?: string;
  resource?: string;
  /** Which of the above are patterns: of a policy that is itself the target, and is about all that they match. */
  patterns?: ReadonlySet<string>;
}

/** How the services ask IAM who calls and what the caller may do. */
export interface Access {
  /** Null when the header is missing, or its token unknown, expired or revoked. */
  callerOf(authorization: string | undefined): Caller | null;
  /** Whether the account owner calls, or a policy of the caller grants `action` (for example `secrets-manager.secret.read`) on `target`. */
  allows(caller: Caller, action: string, target: Target): boolean;
}

/** What a request carries beside itself. */
export interface CloudEnv {
  Bindings: {
    /** The service notes here who called, once it knows; the call log reads it. */
    seen: { caller: Caller | null };
  };
}
