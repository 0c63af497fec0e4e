//===- Cache.h - Where the compiler keeps what it may find again -*- C++ -*-==//

#ifndef EINFALL_FRONTEND_DRIVER_CACHE_H
#define EINFALL_FRONTEND_DRIVER_CACHE_H

#include <string>

namespace einfall::driver {

/// The folder `part` of the user's cache: in EINFALL_CACHE_DIR, else in
/// $XDG_CACHE_HOME/einfall, else in ~/.cache/einfall, made if it is not there.
/// Empty where there is none; nothing is cached then.
std::string cacheDirectory(const char *part);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_CACHE_H
