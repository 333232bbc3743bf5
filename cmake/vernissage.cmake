# One helper per kind of target, so that flags and link rules are said once.

add_library(vernissage_options INTERFACE)
target_include_directories(vernissage_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(vernissage_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wno-unknown-pragmas>
  $<$<AND:$<BOOL:${VERNISSAGE_WERROR}>,$<COMPILE_LANGUAGE:CXX>>:-Werror>
  $<$<AND:$<BOOL:${VERNISSAGE_MARCH}>,$<COMPILE_LANGUAGE:CXX>>:-march=${VERNISSAGE_MARCH}>)
if(VERNISSAGE_SANITIZE)
  target_compile_options(vernissage_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${VERNISSAGE_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all>)
  target_link_options(vernissage_options INTERFACE -fsanitize=${VERNISSAGE_SANITIZE})
endif()

# vernissage_library(NAME SOURCES…): a static library; sources are private to it.
function(vernissage_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PRIVATE vernissage_options)
endfunction()

# vernissage_binary(NAME SOURCES…): a program in bin/.
function(vernissage_binary name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE vernissage_options)
endfunction()
