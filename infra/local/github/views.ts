import type { Alert, AlertAction, Hook } from './model.ts';

/** Dates of GitHub have no fraction of a second. */
const instant = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

const API = 'https://api.github.com';
const WEB = 'https://github.com';
const USER = { login: 'octocat', id: 1, type: 'User', site_admin: false };

/** An alert as webhooks tell it: without the secret. */
function alertView(alert: Alert): Record<string, unknown> {
  const { repository, number } = alert;
  const url = `${API}/repos/${repository}/secret-scanning/alerts/${number}`;
  return {
    number,
    created_at: instant(alert.createdAtMs),
    updated_at: instant(alert.updatedAtMs),
    url,
    html_url: `${WEB}/${repository}/security/secret-scanning/${number}`,
    locations_url: `${url}/locations`,
    state: alert.state,
    resolution: alert.resolution,
    resolved_at: alert.resolvedAtMs === null ? null : instant(alert.resolvedAtMs),
    resolved_by: alert.resolvedAtMs === null ? null : USER,
    resolution_comment: alert.resolutionComment,
    secret_type: alert.secretType,
    secret_type_display_name: alert.displayName,
    provider: null,
    provider_slug: null,
    validity: alert.validity,
    push_protection_bypassed: false,
    push_protection_bypassed_by: null,
    push_protection_bypassed_at: null,
    publicly_leaked: alert.publiclyLeaked,
    multi_repo: false,
    is_base64_encoded: false,
  };
}

/** An alert as the API answers it. */
export const alertAnswer = (alert: Alert, hidesSecret: boolean): object => ({
  ...alertView(alert),
  ...(!hidesSecret && { secret: alert.secret }),
});

/** The payload of `secret_scanning_alert`. */
export const alertPayload = (action: AlertAction, alert: Alert): object => ({
  action,
  alert: { ...alertView(alert), secret_category: 'default' },
  ...surroundings(alert),
});

/** The payload of `secret_scanning_alert_location`. */
export const locationPayload = (alert: Alert): object => ({
  action: 'created',
  alert: alertView(alert),
  location: {
    type: 'commit',
    details: { path: alert.path, start_line: 1, end_line: 1, start_column: 1, end_column: 1 },
  },
  ...surroundings(alert),
});

export const pingPayload = ({ id, url }: Hook): object => ({
  zen: 'Keep it logically awesome.',
  hook_id: id,
  hook: {
    type: 'Organization',
    id,
    name: 'web',
    active: true,
    events: ['secret_scanning_alert', 'secret_scanning_alert_location'],
    config: { content_type: 'json', insecure_ssl: '0', url, secret: '********' },
  },
});

function surroundings({ repository }: Alert): object {
  const [login = '', name = ''] = repository.split('/');
  const owner = { login, id: 2, type: 'Organization', site_admin: false };
  return {
    repository: { id: 3, name, full_name: repository, private: true, owner, html_url: `${WEB}/${repository}` },
    organization: { login, id: 2 },
    sender: USER,
  };
}
