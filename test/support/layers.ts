/** The order of the layers: each may import those before it, and itself. */
export const LAYERS = [
  'shared/runtime',
  'shared/clients',
  'shared/auth',
  'shared/keys',
  'shared/rotation',
  'shared/notices',
  'shared/inventory',
  'shared/findings',
  'shared/ledger',
  'shared/incidents',
  'shared/report',
  'functions',
];
