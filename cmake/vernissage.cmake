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

# What a program compiled for a level of x86-64 needs of its processor is checked when it starts.
if(VERNISSAGE_MARCH MATCHES "^x86-64-v([234])$")
  add_library(vernissage_processor_check OBJECT ${CMAKE_SOURCE_DIR}/base/processor_check.cpp)
  target_compile_definitions(vernissage_processor_check PRIVATE VERNISSAGE_LEVEL="${CMAKE_MATCH_1}")
endif()

# vernissage_library(NAME SOURCES…): a static library; sources are private to it.
function(vernissage_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:vernissage_options>)
endfunction()

# vernissage_binary(NAME SOURCES…): a program in bin/.
function(vernissage_binary name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE vernissage_options)
  if(TARGET vernissage_processor_check)
    target_link_libraries(${name} PRIVATE vernissage_processor_check)
  endif()
endfunction()

# vernissage_external(NAME FILE): Vernissage::NAME, a library of the system that was found by hand. Who uses the
# installed engine finds it by the same name (cmake/VernissageConfig.cmake.in).
function(vernissage_external name file)
  add_library(Vernissage::${name} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(Vernissage::${name} PROPERTIES IMPORTED_LOCATION ${file})
endfunction()
