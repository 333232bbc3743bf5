# cmake --install and cpack. Two components: `programs` (what runs a gallery) and `development` (the engine as a
# library: headers, static libraries, find_package(Vernissage)).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(VERNISSAGE_SHARE ${CMAKE_INSTALL_DATADIR}/vernissage)

# ---- programs ------------------------------------------------------------------------------------------

foreach(program vernissage vernissage-weights)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
    list(APPEND VERNISSAGE_PROGRAMS ${program})
  endif()
endforeach()

if(TARGET vernissage)
  # The units name the program where it is installed.
  foreach(unit vernissage.service vernissage.socket)
    file(READ server/deploy/${unit} text)
    string(REPLACE "/usr/local/bin/" "${CMAKE_INSTALL_FULL_BINDIR}/" text "${text}")
    string(REPLACE "# /etc/systemd/system/${unit}" "# ${unit}" text "${text}")
    file(CONFIGURE OUTPUT units/${unit} CONTENT "${text}" @ONLY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS server/deploy/${unit})
    install(FILES ${CMAKE_BINARY_DIR}/units/${unit} DESTINATION lib/systemd/system COMPONENT programs)
  endforeach()
  install(FILES server/deploy/nginx.conf server/deploy/vernissage.toml
          DESTINATION ${VERNISSAGE_SHARE} COMPONENT programs)
  install(FILES models/generator.safetensors models/curator.safetensors models/README.md
          DESTINATION ${VERNISSAGE_SHARE}/models COMPONENT programs)
endif()

# Man pages and completions, from the programs' own help.
if(VERNISSAGE_MAN)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  foreach(program ${VERNISSAGE_PROGRAMS})
    set(page ${CMAKE_BINARY_DIR}/man/${program}.1)
    set(completion ${CMAKE_BINARY_DIR}/man/${program}.bash)
    add_custom_command(OUTPUT ${page} ${completion}
      COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/man_page.py $<TARGET_FILE:${program}> ${page}
              ${completion}
      DEPENDS ${program} ${CMAKE_SOURCE_DIR}/cmake/man_page.py VERBATIM)
    list(APPEND pages ${page})
    install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT programs)
    install(FILES ${completion} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
            RENAME ${program} COMPONENT programs)
  endforeach()
  add_custom_target(vernissage_man ALL DEPENDS ${pages})
endif()

# ---- the engine as a library ---------------------------------------------------------------------------

foreach(part base formats clip tokenizer engine cpu cuda kernels backends)
  if(TARGET vernissage_${part})
    set_target_properties(vernissage_${part} PROPERTIES EXPORT_NAME ${part})
    target_include_directories(vernissage_${part} INTERFACE
      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/vernissage>)
    install(TARGETS vernissage_${part} EXPORT VernissageTargets
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  endif()
endforeach()
set(VERNISSAGE_PACKAGE ${CMAKE_INSTALL_LIBDIR}/cmake/Vernissage)
install(EXPORT VernissageTargets NAMESPACE Vernissage:: DESTINATION ${VERNISSAGE_PACKAGE} COMPONENT development)
foreach(room base kernels engine)
  install(DIRECTORY ${room} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vernissage COMPONENT development
          FILES_MATCHING PATTERN "*.h" PATTERN emulation EXCLUDE PATTERN resources EXCLUDE)
endforeach()
configure_package_config_file(cmake/VernissageConfig.cmake.in VernissageConfig.cmake
  INSTALL_DESTINATION ${VERNISSAGE_PACKAGE})
write_basic_package_version_file(VernissageConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/VernissageConfig.cmake ${CMAKE_BINARY_DIR}/VernissageConfigVersion.cmake
        DESTINATION ${VERNISSAGE_PACKAGE} COMPONENT development)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/vernissage RENAME copyright COMPONENT programs)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libvernissage-dev RENAME copyright COMPONENT development)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)

# ---- cpack -G DEB --------------------------------------------------------------------------------------

set(CPACK_PACKAGE_NAME vernissage)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "StyleGAN2 inference engine and web gallery")
set(CPACK_PACKAGE_CONTACT "Vernissage maintainers")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL programs development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME vernissage)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION web)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_CONTROL_EXTRA
    ${CMAKE_SOURCE_DIR}/cmake/debian/postinst ${CMAKE_SOURCE_DIR}/cmake/debian/postrm)
set(CPACK_DEBIAN_PROGRAMS_DESCRIPTION "Paints with StyleGAN2 networks, and serves galleries of what they paint
 vernissage serves a gallery, vernissage-weights reads other programs' networks.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libvernissage-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libdnnl-dev, libutf8proc-dev")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "The engine of Vernissage as a library
 Headers, static libraries, and a package for CMake's find_package().")
include(CPack)
