// Lets everything else on the machine go first: histories compute without pause, while other tests mostly wait.
import { setPriority } from "node:os";

const POLITE = 10;

setPriority(POLITE);
