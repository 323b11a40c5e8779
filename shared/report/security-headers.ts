const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  // Whatever would make markup of a text is refused by the browser itself.
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
];

/** Of every answer of the report: it runs its own script, speaks to itself alone, and nobody frames it. */
export const SECURITY_HEADERS = {
  'content-security-policy': POLICY.join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  vary: 'authorization',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;
