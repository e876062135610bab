/* otarig repro --aim: the cuts of an exploration's finding for a board that nobody can hold still. */
#ifndef OTARIG_CMD_AIM_H
#define OTARIG_CMD_AIM_H

/* Prints the scenario BASE with its power cuts aimed at those of the finding in FOLDER: probe watchpoints in
 * place of its triggers. Exit code: 0, or 2 with the reason. */
int aim_print(const char *folder, const char *base);

#endif
