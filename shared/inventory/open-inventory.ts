import type { IamLogin } from '../auth/iam-login.ts';
import { Calls } from '../clients/calls.ts';
import { IamAccount } from '../clients/iam-account.ts';
import { IamIdentity } from '../clients/iam-identity.ts';
import { IamPolicies } from '../clients/iam-policies.ts';
import { ResourceKeys } from '../clients/resource-keys.ts';
import { Users } from '../clients/users.ts';
import type { Ports } from '../rotation/ports.ts';
import type { Settings } from '../runtime/settings.ts';

/** IBM Cloud as an inventory of the account sees it. */
export interface InventoryWorld extends Pick<Ports, 'clock' | 'signal' | 'deadlineMs' | 'secrets' | 'kindOf'> {
  /** Keyrota's own, with which all of this is asked. */
  login: Pick<IamLogin, 'iamId' | 'ready'>;
  account: IamAccount;
  identity: IamIdentity;
  policies: IamPolicies;
  resourceKeys: ResourceKeys;
  users: Users;
}

/** For one inventory, within a run. */
export function openInventory(settings: Settings, ports: Ports): InventoryWorld {
  const { clock, log, signal, deadlineMs, secrets, kindOf, outward } = ports;
  const { login, http } = outward;
  const { accountId, callTimeoutMs: timeoutMs } = settings;
  const common = {
    authenticator: login,
    http,
    accountId,
    calls: new Calls({ clock, log, deadlineMs, timeoutMs, login }),
  };
  const atIam = { ...common, serviceUrl: settings.iamUrl };
  return {
    clock,
    signal,
    deadlineMs,
    secrets,
    kindOf,
    login,
    account: new IamAccount(atIam),
    identity: new IamIdentity(atIam),
    policies: new IamPolicies(atIam),
    resourceKeys: new ResourceKeys({ ...common, serviceUrl: settings.resourceControllerUrl }),
    users: new Users({ ...common, serviceUrl: settings.userManagementUrl }),
  };
}
