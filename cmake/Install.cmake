# What `cmake --install` puts where: the compiler (component compiler), and what
# a program needs that launches packages (component runtime), which links no LLVM.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_target_properties(einfall einfall-lsp
                      PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS einfall einfall-lsp COMPONENT compiler)
install(TARGETS einfall_compiler_shared LIBRARY COMPONENT compiler
        NAMELINK_SKIP)

set_target_properties(einfall_rt_shared PROPERTIES EXPORT_NAME runtime)
set_target_properties(einfall_rt_static PROPERTIES EXPORT_NAME runtime_static)
install(TARGETS einfall_rt_shared EXPORT EinfallTargets
        LIBRARY COMPONENT runtime)
install(TARGETS einfall_rt_static EXPORT EinfallStaticTargets
        ARCHIVE COMPONENT runtime)
install(FILES ${PROJECT_SOURCE_DIR}/runtime/include/einfall/einfall.h
              ${PROJECT_SOURCE_DIR}/runtime/include/einfall/compiler.h
              ${PROJECT_SOURCE_DIR}/runtime/include/einfall/einfall.hpp
              ${PROJECT_SOURCE_DIR}/runtime/include/einfall/tvm_ffi.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/einfall COMPONENT runtime)

# find_package(Einfall)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Einfall)
foreach(set EinfallTargets EinfallStaticTargets)
  install(EXPORT ${set} NAMESPACE Einfall:: DESTINATION ${config_dir}
          COMPONENT runtime)
endforeach()
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/EinfallConfig.cmake.in
  ${PROJECT_BINARY_DIR}/EinfallConfig.cmake INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/EinfallConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/EinfallConfig.cmake
              ${PROJECT_BINARY_DIR}/EinfallConfigVersion.cmake
        DESTINATION ${config_dir} COMPONENT runtime)

# pkg-config einfall. Paths are relative to the file, so that the folder may be
# moved.
file(RELATIVE_PATH EINFALL_PREFIX_FROM_PC
     ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${CMAKE_CURRENT_LIST_DIR}/einfall.pc.in
               ${PROJECT_BINARY_DIR}/einfall.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/einfall.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT runtime)
