# vernissage_record_resources(TARGET): what ptxas says of each kernel is kept beside its object file, for
# kernel_resources_test. Needs Python; without it nothing changes.
find_package(Python3 COMPONENTS Interpreter QUIET)

function(vernissage_record_resources target)
  if(NOT Python3_Interpreter_FOUND)
    message(STATUS "No python3: the kernels' resources are not recorded")
    return()
  endif()
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Xptxas=-v>)
  # In front of whatever launcher there is already; most builds have none.
  set(launcher ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/kernels/resources/record.py ${CMAKE_CUDA_COMPILER_LAUNCHER})
  set_target_properties(${target} PROPERTIES CUDA_COMPILER_LAUNCHER "${launcher}")
endfunction()
