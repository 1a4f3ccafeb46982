// The launcher's table of attempts: turns the worker's frames into programs, signals and credit.
#ifndef ATTEMPTS_H
#define ATTEMPTS_H

#include "wire.h"

// Handles one frame of the worker; false when it is not one.
bool attempts_receive(int type, uint32_t number, struct fields *payload);

// Names what is to be waited for; returns how long, in milliseconds, at most (-1: for ever).
int attempts_watch(void);
// Passes on the output that has come.
void attempts_relay(void);
// Takes note of the programs that have ended.
void attempts_reap(void);
// Does what time and events allow by now.
void attempts_advance(void);
// Kills every attempt with all that it started; returns when nothing of them is left.
void attempts_kill_all(void);

#endif
