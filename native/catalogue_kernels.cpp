// The printed kernels of one instruction set; compiled as kern.cpp is: static, without libc or std::, in the namespace KNS.
#include "catalogue.h"
#include "generated/catalogue.inc"
