import { z } from 'zod';
import type { CloudParts } from '../parts.ts';
import { parseAddressList } from './address-list.ts';
import { nextTag } from './entities.ts';
import type { HistoryEntry } from './entities.ts';

const NOT_SET = 'NOT_SET';

/** A whole number in a string, or that it is not set. */
const number = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'is not a whole number')
    .refine((text) => Number(text) >= min && Number(text) <= max, `is not from ${min} to ${max}`)
    .or(z.literal(NOT_SET));

const Restriction = z.enum(['RESTRICTED', 'NOT_RESTRICTED', NOT_SET]);
const Mfa = z.enum(['NONE', 'NONE_NO_ROPC', 'TOTP', 'TOTP4ALL', 'LEVEL1', 'LEVEL2', 'LEVEL3']);
const Addresses = z
  .string()
  .refine((text) => text === '' || parseAddressList(text) !== null, 'is not a list of addresses');

const DomainRestriction = z.strictObject({
  realm_id: z.string().min(1),
  invitation_email_allow_patterns: z.array(z.string()).optional(),
  restrict_invitation: z.boolean().optional(),
});

/** The settings of an account, in the API's terms. https://cloud.ibm.com/apidocs/iam-identity-token-api#update-account-settings */
const AccountSettings = z.strictObject({
  restrict_create_service_id: Restriction,
  restrict_create_platform_apikey: Restriction,
  allowed_ip_addresses: Addresses,
  mfa: Mfa,
  user_mfa: z.array(z.strictObject({ iam_id: z.string().min(1), mfa: Mfa })),
  session_expiration_in_seconds: number(900, 86_400),
  session_invalidation_in_seconds: number(900, 7_200),
  max_sessions_per_identity: number(1, 999_999_999),
  system_access_token_expiration_in_seconds: number(900, 3_600),
  system_refresh_token_expiration_in_seconds: number(900, 259_200),
  restrict_user_list_visibility: z.enum(['RESTRICTED', 'NOT_RESTRICTED']),
  restrict_user_domains: z.array(DomainRestriction),
});
export type AccountSettings = z.infer<typeof AccountSettings>;

export const SettingsChange = AccountSettings.partial();
type SettingsChange = z.infer<typeof SettingsChange>;

const UNTOUCHED: AccountSettings = {
  restrict_create_service_id: NOT_SET,
  restrict_create_platform_apikey: NOT_SET,
  allowed_ip_addresses: '',
  mfa: 'NONE',
  user_mfa: [],
  session_expiration_in_seconds: NOT_SET,
  session_invalidation_in_seconds: NOT_SET,
  max_sessions_per_identity: NOT_SET,
  system_access_token_expiration_in_seconds: NOT_SET,
  system_refresh_token_expiration_in_seconds: NOT_SET,
  restrict_user_list_visibility: 'NOT_RESTRICTED',
  restrict_user_domains: [],
};

/** What holds where nothing is set. */
const SERVICE_DEFAULTS = {
  restrict_create_service_id: 'NOT_RESTRICTED',
  restrict_create_platform_apikey: 'NOT_RESTRICTED',
  session_expiration_in_seconds: '86400',
  session_invalidation_in_seconds: '7200',
  system_access_token_expiration_in_seconds: '3600',
  system_refresh_token_expiration_in_seconds: '259200',
} satisfies Partial<AccountSettings>;

/** The account's own settings. Nothing is set at the start. */
export class SettingsBook {
  readonly #parts: CloudParts;
  #settings = UNTOUCHED;
  #history: readonly HistoryEntry[] = [];
  #entityTag: string;

  constructor(parts: CloudParts) {
    this.#parts = parts;
    this.#entityTag = nextTag(parts);
  }

  get entityTag(): string {
    return this.#entityTag;
  }

  get history(): readonly HistoryEntry[] {
    return this.#history;
  }

  get present(): AccountSettings {
    return this.#settings;
  }

  /** The settings with what holds where nothing is set. */
  effective(): Omit<AccountSettings, 'restrict_user_domains'> {
    const { restrict_user_domains: _, ...own } = this.#settings;
    const set = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== NOT_SET));
    return { ...own, ...SERVICE_DEFAULTS, ...set };
  }

  revise(change: SettingsChange, byIamId: string): void {
    const { restrict_user_domains: domains = [], ...rest } = change;
    // What comes as JSON has no undefined.
    const given = rest as Partial<AccountSettings>;
    this.#settings = { ...this.#settings, ...given, restrict_user_domains: this.#domainsWith(domains) };
    this.#entityTag = nextTag(this.#parts, this.#entityTag);
    const message = 'The account settings were updated.';
    const entry = { atMs: this.#parts.clock.nowMs(), iamId: byIamId, action: 'update-account', message };
    this.#history = [...this.#history, { ...entry, params: Object.keys(change) }];
  }

  /** How long access tokens live. */
  tokenLifeSeconds(): number {
    return Number(this.effective().system_access_token_expiration_in_seconds);
  }

  restricts(setting: 'restrict_create_service_id' | 'restrict_create_platform_apikey'): boolean {
    return this.#settings[setting] === 'RESTRICTED';
  }

  /** Whether tokens of the account can be had from the address. */
  admits(address: string): boolean {
    const { allowed_ip_addresses: allowed } = this.#settings;
    return allowed === '' || parseAddressList(allowed)?.includes(address) === true;
  }

  /** An entry that only names a realm removes the restriction of it. */
  #domainsWith(changes: AccountSettings['restrict_user_domains']): AccountSettings['restrict_user_domains'] {
    const named = new Set(changes.map(({ realm_id: realm }) => realm));
    const kept = this.#settings.restrict_user_domains.filter(({ realm_id: realm }) => !named.has(realm));
    return [...kept, ...changes.filter((restriction) => Object.keys(restriction).length > 1)];
  }
}
