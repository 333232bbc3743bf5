# Goal: what is installed can be used by a program elsewhere.
# Method: `cmake --install` of BUILD into a new prefix; examples/paint is configured and built against it with
# find_package(Vernissage) and paints with the network in models/; the programs run from their new place. The
# same seed twice gives the same file, another seed another one: the pictures come from the network.
#
#   cmake -DSOURCE=… -DBUILD=… -DOUT=… -P install_test.cmake

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "exit status ${status}: ${ARGN}")
  endif()
endfunction()

file(REMOVE_RECURSE ${OUT})
set(prefix ${OUT}/prefix)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
foreach(file bin/vernissage bin/vernissage-weights include/vernissage/engine/engine.h
             lib/systemd/system/vernissage.service share/vernissage/models/generator.safetensors)
  if(NOT EXISTS ${prefix}/${file})
    message(FATAL_ERROR "not installed: ${file}")
  endif()
endforeach()
file(STRINGS ${prefix}/lib/systemd/system/vernissage.service start REGEX "^ExecStart=")
if(NOT start MATCHES "/bin/vernissage serve ")
  message(FATAL_ERROR "the unit starts something else: ${start}")
endif()
run(${prefix}/bin/vernissage --version)

# Away from the source tree, so that nothing is found there by chance.
file(COPY ${SOURCE}/examples/paint DESTINATION ${OUT})
run(${CMAKE_COMMAND} -S ${OUT}/paint -B ${OUT}/paint/build -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${OUT}/paint/build)
foreach(picture 1:a 1:b 2:c)
  string(REPLACE ":" ";" picture ${picture})
  list(GET picture 0 seed)
  list(GET picture 1 name)
  execute_process(COMMAND ${OUT}/paint/build/paint ${prefix}/share/vernissage/models/generator.safetensors ${seed}
                  OUTPUT_FILE ${OUT}/${name}.ppm RESULT_VARIABLE status)
  file(SIZE ${OUT}/${name}.ppm size)
  file(SHA256 ${OUT}/${name}.ppm ${name})
  if(NOT status EQUAL 0 OR NOT size EQUAL 12301)  # "P6\n64 64\n255\n" and 64 x 64 x 3 bytes
    message(FATAL_ERROR "paint: exit status ${status}, ${size} bytes, expected 12301")
  endif()
endforeach()
if(NOT a STREQUAL b OR a STREQUAL c)
  message(FATAL_ERROR "seed 1: ${a}, again: ${b}, seed 2: ${c}")
endif()
