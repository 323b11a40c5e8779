import { config } from 'zod';

// A function parses each thing once or twice: to compile a parser for it costs more than that saves.
config({ jitless: true });
