/* What Swift sees of the C library: the installed header, whole. */
#include <ossicle.h>
