// Lets node's test runner import the TypeScript sources on every supported node.
import { register } from 'node:module';
register('./typescript_hooks.mjs', import.meta.url);
