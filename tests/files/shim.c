/* LD_PRELOAD: a file system that cannot do some things. SHIM names them, with commas: folder-EINVAL, folder-EIO, folder-EACCES,
   file-EINVAL, file-EIO (fsync), rename-EXDEV, rename-EPERM, times-EPERM, fork-EAGAIN. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int asked(const char *what) {
    const char *all = getenv("SHIM");
    return all && strstr(all, what);
}

static int fails(const char *what, int number) {
    if (!asked(what)) return 0;
    errno = number;
    return 1;
}

int fsync(int file) {
    static int (*real)(int);
    struct stat about;
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    if (fstat(file, &about) == 0 && S_ISDIR(about.st_mode)) {
        if (fails("folder-EINVAL", EINVAL) || fails("folder-EIO", EIO) || fails("folder-EACCES", EACCES)) return -1;
    } else if (fails("file-EINVAL", EINVAL) || fails("file-EIO", EIO)) {
        return -1;
    }
    return real(file);
}

int rename(const char *from, const char *to) {
    static int (*real)(const char *, const char *);
    if (!real) real = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    if (fails("rename-EXDEV", EXDEV) || fails("rename-EPERM", EPERM)) return -1;
    return real(from, to);
}

int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
    static int (*real)(int, const char *, const struct timespec[2], int);
    if (!real) real = (int (*)(int, const char *, const struct timespec[2], int))dlsym(RTLD_NEXT, "utimensat");
    return fails("times-EPERM", EPERM) ? -1 : real(folder, path, times, flags);
}
